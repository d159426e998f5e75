import { useState } from "react";

import { useQuery, useSession } from "../session";
import { useStore } from "../store";
import type { Field } from "./fields";
import { UPLOAD } from "./form-queries";
import { isObject, isText } from "./json";
import { isToken } from "./place-file";
import "./given-file.css";

/** A file as an input names it: one that is here, that is at the gateway, or that is anywhere on the web. */
export type SeenFile = {
  readonly name: string;
  /** Empty where it can't be seen. */
  readonly url: string;
  /** As `url`, or smaller. */
  readonly smallUrl: string;
  readonly type: string;
  /** What there is to say of it. */
  readonly words: string;
  readonly problem: string | null;
  readonly retry?: (() => void) | null;
  readonly stop?: () => void;
};

/** What a text of an input stands for; null for nothing, and while that is not known. */
export function useGivenFile(reference: string): SeenFile | null {
  const { uploads } = useSession();
  const file = useStore(uploads.files).get(reference);
  const id = /^upload:(upl_\w+)$/.exec(reference)?.[1];
  const { data } = useQuery(UPLOAD, { id: id ?? "" }, id !== undefined && file === undefined);
  if (file) {
    const { name, part, problem } = file;
    const isHere = !isToken(reference);
    const words = problem ?? (isHere ? name : `Uploading ${name}, ${Math.floor(part * 100)} %`);
    return { ...file, smallUrl: file.url, words };
  }
  if (isToken(reference)) return { ...NOWHERE, problem: LOST, words: LOST };
  if (id !== undefined) {
    if (!data) return null;
    const { fileName = "An uploaded file", url, thumbnailUrl } = data.upload ?? {};
    const smallUrl = thumbnailUrl ?? url ?? "";
    return { ...NOWHERE, name: fileName, url: url ?? "", smallUrl, words: fileName };
  }
  if (!/^https?:/.test(reference) || !URL.canParse(reference)) return null;
  const name = decodeURI(new URL(reference).pathname.split("/").at(-1) ?? "") || reference;
  return { ...NOWHERE, name, url: reference, smallUrl: reference, words: "From the web" };
}

const LOST = "The file was not uploaded to its end. Choose it again.";
const NOWHERE = { name: "", url: "", smallUrl: "", type: "", problem: null };

/** A file that went into a job, small and by its name; it opens in a tab of its own. */
export function GivenFile({ reference }: { readonly reference: string }) {
  const file = useGivenFile(reference);
  if (file === null) return <span className="faint">{reference}</span>;
  const { name, url } = file;
  return (
    <a className="run-given" href={url || undefined} target="_blank" rel="noreferrer">
      <GivenPicture file={file} alt="" />
      <span>{name}</span>
    </a>
  );
}

/** What of an input are files: uploads anywhere, and addresses in the fields that are for files. */
export function findFiles(fields: readonly Field[], input: unknown): readonly string[] {
  if (!isObject(input)) return [];
  const named = new Set(
    fields.flatMap(({ name, widget }) => (/^files?$/.test(widget.kind) ? name : [])),
  );
  return Object.entries(input).flatMap(([name, value]) =>
    [value]
      .flat()
      .filter(isText)
      .filter((text) => text.startsWith("upload:") || (named.has(name) && /^https?:/.test(text))),
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
  if (url === "" || broken === url || type.startsWith("audio/"))
    return <span className="run-preview">{broken !== "" && broken === url && "no preview"}</span>;
  const fail = (): void => setBroken(url);
  return (
    <span className="run-preview">
      {type.startsWith("video/") ? (
        <video src={url} muted playsInline preload="metadata" onError={fail} />
      ) : (
        <img src={url} alt={alt} referrerPolicy="no-referrer" onError={fail} />
      )}
    </span>
  );
}
