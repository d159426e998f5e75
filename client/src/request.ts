import type { openConnection } from "./connection.ts";
import {
  CREATE_UPLOAD,
  type FieldOf,
  fieldOf,
  toPayload,
  type TypedDocument,
} from "./documents.ts";
import { GatewayError, toError } from "./gateway-error.ts";
import { type OnAttempt, untilAnswered } from "./until-answered.ts";

/** Variables that make it safe to send a mutation again: an idempotency key, or one for each of several jobs. */
type Keyed =
  | { readonly key: string }
  | { readonly items: readonly { readonly idempotencyKey: string }[] };

/** What goes over HTTP: queries, mutations and files. */
export function createRequests(post: ReturnType<typeof openConnection>["post"]) {
  /**
   * Runs a query or a mutation once. Rejects with a `GatewayError`, also where one of several fields was not answered; below
   * these, what failed is null.
   */
  async function request<Data extends object, Variables>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
  ): Promise<Data> {
    const { data, errors } = await post(toPayload(document, variables));
    // A null that stands for an error would say that there is nothing.
    if (data && !errors?.some(({ path }: { readonly path: readonly unknown[] }) => path.length < 2))
      return data;
    throw toError(errors);
  }

  /**
   * Sends a mutation until an answer comes, for half a minute. That is safe as it has idempotency keys: for one the
   * gateway runs one job. Resolves to the mutation's result, a failure included; rejects with a `GatewayError`.
   * `onAttempt` is called for each try, and with the reason for another one as soon as that is known.
   */
  async function submit<Data extends object, Variables extends Keyed>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    onAttempt?: OnAttempt,
  ): Promise<FieldOf<Data>> {
    // Mutant: a client that retries under another key
    const data = await untilAnswered(() => request(document, variables), onAttempt);
    return fieldOf<Data>(data);
  }

  /** Uploads a file, and resolves to what to write into an input in place of a URL. Rejects with a `GatewayError`. */
  async function upload(file: File): Promise<string> {
    const { createUpload } = await request(CREATE_UPLOAD, {
      fileName: file.name,
      contentType: file.type,
      bytes: file.size,
    });
    if (createUpload.__typename !== "CreateUploadSuccess") throw new GatewayError(createUpload);
    const { id, putUrl } = createUpload.upload;
    // A new upload always has one.
    const response = await fetch(putUrl ?? "", { method: "PUT", body: file }).catch((cause) => {
      throw toError(cause);
    });
    // 409: it had come already.
    if (response.ok || response.status === 409) return `upload:${id}`;
    throw toError((await response.json().catch(() => null))?.errors);
  }

  return { request, submit, upload };
}
