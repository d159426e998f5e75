import { useState } from "react";
import { useMutation } from "urql";

import { describe } from "./client";
import { graphql } from "./gql";

const CREATE = graphql(`
  mutation CreateUpload($fileName: String!, $contentType: String!, $bytes: SafeInt!) {
    createUpload(fileName: $fileName, contentType: $contentType, bytes: $bytes) {
      __typename
      ... on CreateUploadSuccess {
        upload {
          id
          putUrl
        }
      }
      ... on InvalidUploadError {
        issues {
          message
        }
      }
      ... on Error {
        message
      }
    }
  }
`);

/** Uploads files; `onUpload` gets what to write into an input in place of a URL. */
export function useUpload(onUpload: (reference: string) => void) {
  const [status, setStatus] = useState("");
  const [, create] = useMutation(CREATE);

  async function upload(file: File) {
    setStatus(`Uploading ${file.name}…`);
    const { name: fileName, type: contentType, size: bytes } = file;
    const { data, error } = await create({ fileName, contentType, bytes });
    const result = data?.createUpload;
    if (error || result?.__typename !== "CreateUploadSuccess") {
      const issues = result?.__typename === "InvalidUploadError" ? result.issues : [];
      const reasons = issues.map(({ message }) => message);
      const reason = result && "message" in result ? result.message : "";
      return setStatus(error ? describe(error) : [file.name, ...reasons, reason].join(" "));
    }
    const { id, putUrl } = result.upload;
    const response = await fetch(putUrl, { method: "PUT", body: file }).catch(() => null);
    // 409: it had come already.
    if (response === null) return setStatus("The file did not arrive. Try again.");
    if (!response.ok && response.status !== 409)
      return setStatus((await response.json()).errors[0].message);
    setStatus("");
    onUpload(`upload:${id}`);
  }

  return { status, upload };
}
