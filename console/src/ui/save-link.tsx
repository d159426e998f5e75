import type { JobRowFragment } from "../gql";
import { fileNameOf } from "../model/address";
import { type Asset, isOurs, urlOf } from "../model/asset";

type File = { readonly job: JobRowFragment; readonly asset: Asset; readonly n: number };

/** Saves a file, the `n`th of its job. One of another origin can only be opened: a browser ignores `download` there. */
export function SaveLink(file: File) {
  const url = urlOf(file.asset);
  const isSaved = isOurs(file.asset);
  return (
    <a
      className="button"
      href={url}
      download={isSaved ? toFileName(file) : undefined}
      target="_blank"
      rel="noreferrer"
    >
      {isSaved ? "Download" : "Open the file"}
    </a>
  );
}

/** `paper-lantern-325c2f70-1.png`, so that several of them have different names. */
function toFileName({ job, asset, n }: File): string {
  const name = job.deployment.name.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "-");
  const [ending = ""] = /\.\w+$/.exec(fileNameOf(asset.url)) ?? [];
  return `${name}-${job.id.replace("job_", "").slice(0, 8)}-${n + 1}${ending}`;
}
