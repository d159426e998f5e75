import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";

const CREATE = `mutation ($type: String!, $bytes: SafeInt!) {
  createUpload(fileName: "a", contentType: $type, bytes: $bytes) {
    __typename ... on CreateUploadSuccess { upload { id putUrl } } ... on Error { message }
  }
}`;

/** Opens an upload by a post to the gateway at `url`; throws where that is refused. */
export async function openUpload(
  { url, post }: { readonly url: string; readonly post: (body: string) => Promise<string> },
  contentType: string,
  bytes: number,
): Promise<{ readonly id: string; readonly putUrl: string }> {
  const variables = { type: contentType, bytes };
  const answer = await post(JSON.stringify({ query: CREATE, variables }));
  const upload = JSON.parse(answer).data?.createUpload.upload;
  if (upload === undefined) throw new Error(`An upload was answered with ${answer}`);
  return { id: upload.id, putUrl: toLocal(upload.putUrl, url) };
}

/** A public URL of the gateway at the address where it is here. */
export function toLocal(publicUrl: string, url: string): string {
  const { pathname, search } = new URL(publicUrl);
  return new URL(`${pathname}${search}`, url).href;
}

/** Sends a request without a credential, and resolves with the text of its answer; rejects unless that is a success. */
export async function send(
  url: string,
  method: "GET" | "PUT" | "POST",
  bytes?: Buffer,
): Promise<string> {
  const asked = request(url, { method });
  asked.end(bytes);
  const [response] = await once(asked, "response");
  const answer = await text(response);
  if (response.statusCode > 299)
    throw new Error(`${url} answered ${response.statusCode}: ${answer}`);
  return answer;
}
