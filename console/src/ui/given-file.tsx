import { useState } from "react";

import { type SeenFile, shorten, useGivenFile } from "../session/use-given-file";

/** A file that went into a job, small and by its name; it opens in a tab of its own. */
export function GivenFile({ reference }: { readonly reference: string }) {
  const file = useGivenFile(reference);
  if (file === null) return <span className="hint">{reference}</span>;
  return <FileLink file={file} />;
}

/** The same for one that is known already. */
export function FileLink({ file }: { readonly file: SeenFile }) {
  return (
    <a
      className="row"
      href={file.url || undefined}
      title={file.name}
      target="_blank"
      rel="noreferrer"
    >
      <GivenPicture file={file} alt="" />
      <span>{shorten(file.name)}</span>
    </a>
  );
}

/** A small picture of a file. */
export function GivenPicture({
  file,
  alt,
  accept = "",
}: {
  readonly file: SeenFile | null;
  readonly alt: string;
  readonly accept?: string;
}) {
  const [broken, setBroken] = useState("");
  const url = file?.smallUrl ?? "";
  const type = file?.type || accept;
  const isBroken = url !== "" && broken === url;
  return (
    <span className="thumbnail" onErrorCapture={() => setBroken(url)}>
      {url === "" || isBroken || type.startsWith("audio/") ? (
        isBroken && "no preview"
      ) : type.startsWith("video/") ? (
        <video src={url} muted playsInline preload="metadata" />
      ) : (
        <img src={url} alt={alt} referrerPolicy="no-referrer" />
      )}
    </span>
  );
}
