import { useState } from "react";
import { GatewayError } from "runcomfy-graphql/client";
import { useGateway } from "runcomfy-graphql/react";

import { toSentence } from "./issues";
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
  const gateway = useGateway();
  const [uploading, setUploading] = useState<Uploading>({ kind: "idle" });

  async function upload(file: File): Promise<void> {
    setUploading({ kind: "busy", file });
    onBusy(true);
    try {
      const reference = await gateway.upload(file);
      remember(reference, file);
      setUploading({ kind: "idle" });
      onUpload(reference);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      setUploading({ kind: "failed", file, reason: toReason(error) });
    } finally {
      onBusy(false);
    }
  }

  return { uploading, upload, clear: () => setUploading({ kind: "idle" }) };
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
