import type { UploadQuery } from "../gql";
import { fileNameOf } from "../model/address";
import { isToken } from "../model/draft";
import { UPLOAD } from "./queries";
import { useQuery, useSession } from "./session";
import { useStore } from "./store";
import type { HeldFile } from "./uploads";

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
} & Partial<Pick<HeldFile, "problem" | "retry" | "stop">>;

/** What a text of an input stands for; null for nothing, and while that is not known. */
export function useGivenFile(reference: string): SeenFile | null {
  const { uploads } = useSession();
  const file = useStore(uploads.files).get(reference);
  const id = /^upload:(upl_\w+)$/.exec(reference)?.[1];
  const { data } = useQuery(UPLOAD, { id: id ?? "" }, id !== undefined && file === undefined);
  if (file) {
    const { name, url, part, problem } = file;
    const isHere = !isToken(reference);
    const short = shorten(name);
    const words = problem ?? (isHere ? short : `Uploading ${short}, ${Math.floor(part * 100)} %`);
    return { ...file, smallUrl: url, words };
  }
  if (isToken(reference)) return { ...toSeen("", "", LOST), problem: LOST };
  if (id !== undefined) {
    return data ? toSeenUpload(data.upload) : null;
  }
  if (!/^https?:/.test(reference) || !URL.canParse(reference)) return null;
  return toSeen(fileNameOf(reference) || reference, reference, "From the web");
}

/** An upload as it is seen; null for one that is gone, or somebody else's. */
export function toSeenUpload(upload: UploadQuery["upload"]): SeenFile {
  const { fileName = "An uploaded file", url, thumbnailUrl } = upload ?? {};
  return { ...toSeen(fileName, url ?? "", shorten(fileName)), smallUrl: thumbnailUrl ?? url ?? "" };
}

const [START, END] = [28, 12];

/** Long names by how they begin and end: what kind of file it is stands there. */
export function shorten(name: string): string {
  const isLong = name.length > START + END;
  return isLong ? `${name.slice(0, START)}…${name.slice(-END)}` : name;
}

const LOST = "The file was not uploaded to its end. Choose it again.";

function toSeen(name: string, url: string, words: string): SeenFile {
  return { name, url, smallUrl: url, type: "", words };
}
