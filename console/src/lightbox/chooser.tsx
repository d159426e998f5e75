import { Picture } from "../parts/picture";
import { describe, type Shown } from "./pictures";

/** Small pictures, to choose one to compare with. */
export function Chooser({
  pictures,
  except,
  onChoose,
}: {
  readonly pictures: readonly Shown[];
  /** The key of the one that they are compared with. */
  readonly except: string;
  readonly onChoose: (picture: Shown) => void;
}) {
  const others = pictures.filter(({ key }) => key !== except);
  if (others.length === 0)
    return <p className="hint">There is no other one to compare with yet.</p>;
  return (
    <ul className="lightbox-chooser">
      {others.map((picture) => (
        <li key={picture.key}>
          <button onClick={() => onChoose(picture)} aria-label={describe(picture)}>
            <Picture asset={picture.asset} alt="" isSmall />
          </button>
        </li>
      ))}
    </ul>
  );
}
