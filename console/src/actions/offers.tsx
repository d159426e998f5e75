import { useState } from "react";

import { readFields } from "../model/fields";
import { withFile } from "../model/file-inputs";
import { describe, type Shown } from "../model/pictures";
import { purposeOf, PURPOSES } from "../model/purposes";
import { DEPLOYMENTS } from "../session/queries";
import { useQuery, useSession } from "../session/session";
import { ALL_THAT_CAN_BE_SEEN, useAround } from "../session/use-around";
import { useHandOver } from "../session/use-hand-over";
import { Picture } from "../ui/picture";
import { OUTPUTS } from "./action-queries";
import { toReference } from "./to-reference";

/** The deployments that take such a file, by what they make of it: their forms are filled in with it, and with what else fits. */
export function Takers({ picture: { asset, job } }: { readonly picture: Shown }) {
  const { gateway } = useSession();
  const handOver = useHandOver();
  const { data, error } = useQuery(DEPLOYMENTS, {});
  const outputs = useQuery(OUTPUTS, {});
  const [isBusy, setIsBusy] = useState(false);
  const takers = (outputs.data && data ? data.deployments : []).flatMap(
    ({ inputSchema, ...it }) => {
      const fields = readFields(inputSchema);
      const fill = (reference: string) => withFile(fields, job.input, asset, reference);
      const known = outputs.data?.deployments.find(({ id }) => id === it.id);
      const taker = { ...it, outputSchema: known?.outputSchema };
      return fill("") === null ? [] : [{ ...it, fill, purpose: purposeOf(asset, taker, fields) }];
    },
  );

  async function give({ id, fill }: (typeof takers)[number]): Promise<void> {
    if (isBusy) return;
    setIsBusy(true);
    handOver(id, fill(await toReference(gateway, asset)));
  }

  return (
    <>
      {PURPOSES.map((purpose) => {
        const meant = takers.filter((taker) => taker.purpose === purpose);
        return (
          meant.length > 0 && (
            <div key={purpose} role="group" aria-label={purpose} className="stack tight">
              <h3>{purpose}</h3>
              {meant.map((taker) => (
                <button key={taker.id} aria-disabled={isBusy} onClick={() => void give(taker)}>
                  {taker.name}
                </button>
              ))}
            </div>
          )
        );
      })}
      <p role="status" className="hint">
        {isBusy ? "Uploading…" : (error ?? outputs.error)?.message}
        {outputs.data && data && takers.length === 0 && "No deployment takes such a file."}
      </p>
    </>
  );
}

/** Small pictures, to choose one to compare with. */
export function Near({
  picture,
  near,
  onChoose,
}: {
  readonly picture: Shown;
  readonly near: readonly Shown[] | undefined;
  readonly onChoose: (picture: Shown) => void;
}) {
  const around = useAround(near ? undefined : picture.job, picture.key, ALL_THAT_CAN_BE_SEEN);
  const others = (near ?? around).filter(
    ({ key, asset }) => key !== picture.key && asset.kind === picture.asset.kind,
  );
  return (
    <>
      {others.length === 0 && <p className="hint">There is no other one to compare with yet.</p>}
      <ul className="row">
        {others.map((other) => (
          <li key={other.key}>
            <button
              className="thumbnail"
              aria-label={describe(other)}
              onClick={() => onChoose(other)}
            >
              <Picture asset={other.asset} alt="" isSmall />
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
