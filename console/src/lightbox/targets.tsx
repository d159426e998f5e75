import { useState } from "react";

import { readFields } from "../form/fields";
import { findFileField, toReference, withFile } from "../form/file-inputs";
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
  const targets = (data?.deployments ?? []).flatMap(({ id, name, inputSchema }) => {
    const fields = readFields(inputSchema);
    const field = findFileField(fields, asset.kind);
    return field ? [{ id, name, fields, field }] : [];
  });

  async function give({ id, fields, field }: (typeof targets)[number]): Promise<void> {
    setIsBusy(true);
    const reference = await toReference(gateway, asset);
    handOver(id, withFile(fields, job.input, field, reference));
  }

  return (
    <div className="lightbox-targets">
      {targets.map((target) => (
        <button key={target.id} disabled={isBusy} onClick={() => void give(target)}>
          {target.name}, {target.field.label.toLowerCase()}
        </button>
      ))}
      <p role="status" className="hint">
        {isBusy ? "Uploading…" : error?.message}
        {data && targets.length === 0 && "No deployment takes such a file."}
      </p>
    </div>
  );
}
