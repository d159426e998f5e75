import { useState } from "react";

import { readFields } from "../form/fields";
import { toReference, withFile } from "../form/file-inputs";
import { useHandOver } from "../form/use-hand-over";
import { DEPLOYMENTS } from "../queries";
import { useQuery, useSession } from "../session";
import type { Shown } from "./pictures";

/** The deployments that take a file like this one: the form of the chosen one gets it, with what else fits. */
export function Targets({ picture: { asset, job } }: { readonly picture: Shown }) {
  const { gateway } = useSession();
  const handOver = useHandOver();
  const { data, error } = useQuery(DEPLOYMENTS, {});
  const [isBusy, setIsBusy] = useState(false);
  const takers = (data?.deployments ?? []).flatMap(({ id, name, inputSchema }) => {
    const fields = readFields(inputSchema);
    const fill = (reference: string) => withFile(fields, job.input, asset, reference);
    return fill("") === null ? [] : [{ id, name, fill }];
  });

  async function give(id: string, fill: (typeof takers)[number]["fill"]): Promise<void> {
    if (isBusy) return;
    setIsBusy(true);
    handOver(id, fill(await toReference(gateway, asset)));
    // The form may be on this very screen.
    setIsBusy(false);
  }

  return (
    <div className="lightbox-targets">
      {takers.map(({ id, name, fill }) => (
        <button key={id} aria-disabled={isBusy} onClick={() => void give(id, fill)}>
          {name}
        </button>
      ))}
      <p role="status" className="hint">
        {isBusy ? "Uploading…" : error?.message}
        {data && takers.length === 0 && "No deployment takes such a file."}
      </p>
    </div>
  );
}
