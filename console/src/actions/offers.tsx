import { type MouseEvent, type ReactNode, useId, useState } from "react";

import { readFields } from "../model/fields";
import { withFile } from "../model/file-inputs";
import { describe, type Shown } from "../model/pictures";
import { DEPLOYMENTS } from "../session/queries";
import { useQuery, useSession } from "../session/session";
import { useHandOver } from "../session/use-hand-over";
import { Picture } from "../ui/picture";
import { toReference } from "./to-reference";

/** Fills a picture into the form of a deployment that takes one, with what else fits. */
export function UseAsInput({ picture }: { readonly picture: Shown }) {
  return (
    <Offer name="Use as input">
      <Targets picture={picture} />
    </Offer>
  );
}

function Targets({ picture: { asset, job } }: { readonly picture: Shown }) {
  const { gateway } = useSession();
  const handOver = useHandOver();
  const { data, error } = useQuery(DEPLOYMENTS, {});
  const [isBusy, setIsBusy] = useState(false);
  const takers = (data?.deployments ?? []).flatMap(({ id, name, inputSchema }) => {
    const fields = readFields(inputSchema);
    const fill = (reference: string) => withFile(fields, job.input, asset, reference);
    return fill("") === null ? [] : [{ id, name, fill }];
  });

  async function give({ currentTarget }: MouseEvent, { id, fill }: (typeof takers)[number]) {
    if (isBusy) return;
    setIsBusy(true);
    const reference = await toReference(gateway, asset);
    // The form may be on this very screen, under the menu.
    currentTarget.closest<HTMLElement>("[popover]")?.hidePopover();
    handOver(id, fill(reference));
  }

  return (
    <>
      {takers.map((taker) => (
        <button key={taker.id} aria-disabled={isBusy} onClick={(event) => void give(event, taker)}>
          {taker.name}
        </button>
      ))}
      <p role="status" className="hint">
        {isBusy ? "Uploading…" : error?.message}
        {data && takers.length === 0 && "No deployment takes such a file."}
      </p>
    </>
  );
}

/** Small pictures, to choose one to compare with. */
export function CompareWith({
  pictures,
  onChoose,
}: {
  readonly pictures: readonly Shown[];
  readonly onChoose: (picture: Shown) => void;
}) {
  return (
    <Offer name="Compare with…">
      {pictures.length === 0 && <p className="hint">There is no other one to compare with yet.</p>}
      <ul className="row">
        {pictures.map((picture) => (
          <li key={picture.key}>
            <button
              className="thumbnail"
              aria-label={describe(picture)}
              onClick={() => onChoose(picture)}
            >
              <Picture asset={picture.asset} alt="" isSmall />
            </button>
          </li>
        ))}
      </ul>
    </Offer>
  );
}

/** A button, and what it opens to choose from, which is asked for only then. */
export function Offer({
  name,
  className,
  children,
}: {
  readonly name: string;
  readonly className?: string;
  readonly children: ReactNode;
}) {
  const id = useId();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <button type="button" className={className} popoverTarget={id}>
        {name}
      </button>
      <div
        id={id}
        role="group"
        popover="auto"
        aria-label={name}
        onToggle={({ newState }) => setIsOpen(newState === "open")}
      >
        {isOpen && children}
      </div>
    </>
  );
}
