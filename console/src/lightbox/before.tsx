import type { CSSProperties } from "react";

import { findFiles } from "../model/file-inputs";
import { isZoomable, type Shown } from "../model/pictures";
import { useFields } from "../session/use-fields";
import { useGivenFile } from "../session/use-given-file";
import "./before.css";

/** The address of the one picture that went into another's job; empty where it was none, or not the only file. */
export function useBefore(picture: Shown | undefined): string {
  const fields = useFields(picture?.job.deployment.id ?? "");
  const [given = "", ...others] = findFiles(fields, picture?.job.input);
  const file = useGivenFile(others.length === 0 ? given : "");
  const isPair = picture && isZoomable(picture) && file && /^(image|$)/.test(file.type);
  return isPair ? file.url : "";
}

/** What went in, over what came out, up to a line that one moves; both whole, around the same middle. */
export function Before({
  url,
  part,
  style,
  onPart,
}: {
  readonly url: string;
  /** How much of it is seen, in percent. */
  readonly part: number;
  /** Where what came out is. */
  readonly style?: CSSProperties | undefined;
  readonly onPart: (part: number) => void;
}) {
  return (
    <>
      <div className="before" style={{ clipPath: `inset(0 ${100 - part}% 0 0)` }}>
        <img src={url} alt="What went in" style={style} />
      </div>
      <span className="before-name" aria-hidden="true">
        Before
      </span>
      <span className="before-name before-after" aria-hidden="true">
        After
      </span>
      <input
        type="range"
        className="before-line"
        aria-label="How much of before is shown, in percent"
        value={part}
        // The picture below is moved by a drag, too.
        onPointerDown={(event) => event.stopPropagation()}
        onChange={({ target }) => onPart(Number(target.value))}
      />
    </>
  );
}
