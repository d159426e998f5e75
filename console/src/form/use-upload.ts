import { useEffect, useRef, useState } from "react";
import { GatewayError } from "runcomfy-graphql-client";
import { useGateway } from "runcomfy-graphql-client/react";

import { toSentence } from "./issues";
import { remember } from "./uploaded-files";

export type Uploading =
  | { readonly kind: "idle" }
  | { readonly kind: "busy"; readonly file: File }
  | { readonly kind: "failed"; readonly file: File; readonly reason: string };

/** Uploads a file in place of `value`; `onUpload` gets what to write there, unless that was changed meanwhile. */
export function useUpload(
  value: string,
  onUpload: (reference: string) => void,
  onBusy: (isBusy: boolean) => void,
) {
  const gateway = useGateway();
  const [uploading, setUploading] = useState<Uploading>({ kind: "idle" });
  const wanted = useRef<File | null>(null);

  function settle(end: Uploading): void {
    wanted.current = null;
    setUploading(end);
    onBusy(false);
  }
  const clear = (): void => settle({ kind: "idle" });
  useEffect(() => clear, [value]);

  async function upload(file: File): Promise<void> {
    wanted.current = file;
    setUploading({ kind: "busy", file });
    onBusy(true);
    try {
      const reference = await gateway.upload(file);
      if (wanted.current !== file) return;
      remember(reference, file);
      clear();
      onUpload(reference);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      if (wanted.current === file) settle({ kind: "failed", file, reason: toReason(error) });
    }
  }

  return { uploading, upload, clear };
}

const SUBJECTS = new Map([
  ["fileName", "The file's name"],
  ["contentType", "The file"],
  ["bytes", "The file's size in bytes"],
]);

function toReason({ code, issues, message }: GatewayError): string {
  if (code === "NO_ANSWER") return "The file did not arrive. Try it again.";
  if (issues.length === 0) return message;
  return issues
    .map(({ path, message }) => toSentence(SUBJECTS.get(path) ?? path, message))
    .join(" ");
}
