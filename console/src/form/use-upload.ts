import { useState } from "react";
import { useClient } from "urql";

import { CREATE_UPLOAD } from "../documents";
import { explain } from "../session";
import { toSentence } from "./issues";
import { isObject, isText } from "./json";
import { remember } from "./uploads";

export type Uploading =
  | { readonly kind: "idle" }
  | { readonly kind: "busy"; readonly file: File }
  | { readonly kind: "failed"; readonly file: File; readonly reason: string };

/** Uploads files; `onUpload` gets what to write into an input in place of a URL. */
export function useUpload(
  onUpload: (reference: string) => void,
  onBusy: (isBusy: boolean) => void,
) {
  const client = useClient();
  const [uploading, setUploading] = useState<Uploading>({ kind: "idle" });

  async function upload(file: File): Promise<void> {
    setUploading({ kind: "busy", file });
    onBusy(true);
    const sent = await send(file);
    onBusy(false);
    if ("reason" in sent) return setUploading({ kind: "failed", file, reason: sent.reason });
    remember(sent.reference, file);
    setUploading({ kind: "idle" });
    onUpload(sent.reference);
  }

  async function send(
    file: File,
  ): Promise<{ readonly reference: string } | { readonly reason: string }> {
    const { name: fileName, type: contentType, size: bytes } = file;
    const variables = { fileName, contentType, bytes };
    const { data, error } = await client.mutation(CREATE_UPLOAD, variables).toPromise();
    if (error) return { reason: explain(error) };
    const result = data?.createUpload;
    if (result?.__typename === "InvalidUploadError") {
      const issues = result.issues.map(({ path, message }) =>
        toSentence(SUBJECTS.get(path) ?? path, message),
      );
      return { reason: issues.length > 0 ? issues.join(" ") : result.message };
    }
    if (result?.__typename !== "CreateUploadSuccess") return { reason: NOT_ARRIVED };
    const { id, putUrl } = result.upload;
    const response = await fetch(putUrl, { method: "PUT", body: file }).catch(() => null);
    if (response === null) return { reason: NOT_ARRIVED };
    // 409: it had come already.
    if (response.ok || response.status === 409) return { reference: `upload:${id}` };
    return { reason: readReason(await response.json().catch(() => null)) };
  }

  return { uploading, upload, clear: () => setUploading({ kind: "idle" }) };
}

const NOT_ARRIVED = "The file did not arrive. Try it again.";
const SUBJECTS = new Map([
  ["fileName", "The file's name"],
  ["contentType", "The file"],
  ["bytes", "The file's size in bytes"],
]);

function readReason(body: unknown): string {
  const errors = isObject(body) && Array.isArray(body["errors"]) ? body["errors"] : [];
  const [first] = errors;
  return isObject(first) && isText(first["message"]) ? first["message"] : NOT_ARRIVED;
}
