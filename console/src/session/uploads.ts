import {
  CREATE_UPLOAD,
  createKey,
  type GatewayClient,
  GatewayError,
} from "runcomfy-graphql-client";

import { isToken, TOKEN } from "../model/draft";
import { toSentence } from "../model/issues";
import { UPLOAD_MIB } from "./gateway";
import { createStore } from "./store";

/** A file that was given on this page. */
export type HeldFile = {
  readonly name: string;
  readonly type: string;
  /** Of the bytes here. */
  readonly url: string;
  /** How much of it has arrived, up to 1. */
  readonly part: number;
  /** Why it can't be used as it is; null while nothing is wrong. */
  readonly problem: string | null;
  /** Null where another try would end the same. */
  readonly retry: (() => void) | null;
  readonly stop: () => void;
};

/** Called with what to write into an input in place of the token. */
type OnArrival = (token: string, reference: string) => void;

const MEBIBYTE = 1_048_576;
/** Of those that are not on their way; the gateway shows the others. */
const MAX_HELD = 20;

/** A session's files on their way to the gateway, by token, and those that have arrived, by their references in inputs. */
export function createUploads(gateway: Pick<GatewayClient, "request">) {
  const files = createStore<ReadonlyMap<string, HeldFile>>(new Map());

  function update(edit: (all: Map<string, HeldFile>) => void): void {
    const all = new Map(files.get());
    edit(all);
    const ended = [...all].filter(([key, { problem }]) => problem !== null || !isToken(key));
    for (const [key, { url }] of ended.slice(0, -MAX_HELD)) {
      URL.revokeObjectURL(url);
      all.delete(key);
    }
    files.set(all);
  }

  function change(token: string, changes: Partial<HeldFile>): void {
    const file = files.get().get(token);
    if (file) update((all) => all.set(token, { ...file, ...changes }));
  }

  async function send(token: string, file: File, onArrival: OnArrival): Promise<void> {
    const abort = new AbortController();
    change(token, { part: 0, problem: null, retry: null, stop: () => abort.abort() });
    try {
      if (file.size > UPLOAD_MIB * MEBIBYTE) throw new GatewayError({ message: TOO_LARGE });
      const { createUpload } = await gateway.request(CREATE_UPLOAD, {
        fileName: file.name,
        contentType: file.type,
        bytes: file.size,
      });
      if (createUpload.__typename !== "CreateUploadSuccess") throw new GatewayError(createUpload);
      const { id, putUrl } = createUpload.upload;
      await put(putUrl ?? "", file, abort.signal, (part) => change(token, { part }));
      update((all) => {
        const file = all.get(token);
        all.delete(token);
        if (file) all.set(`upload:${id}`, { ...file, part: 1 });
      });
      if (!abort.signal.aborted) onArrival(token, `upload:${id}`);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const retry = error.retryable ? () => void send(token, file, onArrival) : null;
      change(token, { problem: toProblem(error), retry });
    }
  }

  return {
    files,

    /** Begins to upload a file; the token stands for it until then. */
    begin(file: File, onArrival: OnArrival): string {
      const token = `${TOKEN}${createKey()}`;
      const { name, type } = file;
      const url = URL.createObjectURL(file);
      const begun = { name, type, url, part: 0, problem: null, retry: null, stop: () => undefined };
      update((all) => all.set(token, begun));
      void send(token, file, onArrival);
      return token;
    },
  };
}

const TOO_LARGE = `The file is too large: up to ${UPLOAD_MIB} MB are taken. Choose a smaller one.`;
const SUBJECTS = new Map([
  ["fileName", "The file's name"],
  ["contentType", "The file"],
  ["bytes", "The file's size in bytes"],
]);

/** One sentence, however much is wrong. */
function toProblem({ code, issues: [issue], message }: GatewayError): string {
  if (code === "NO_ANSWER") return "The file did not arrive.";
  return issue ? toSentence(SUBJECTS.get(issue.path) ?? issue.path, issue.message) : message;
}

/** As `fetch` would, which reports no progress of what is sent. */
function put(
  url: string,
  file: File,
  signal: AbortSignal,
  onProgress: (part: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = (failure: object): void => reject(new GatewayError(failure));
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(loaded / total));
    request.addEventListener("error", () => fail({ code: "NO_ANSWER" }));
    request.addEventListener("abort", () => resolve());
    request.addEventListener("load", () => {
      // 409: it had come already.
      if (request.status === 409 || request.status < 300) return resolve();
      const [failure] = Object(request.response).errors ?? [];
      fail({ code: "NO_ANSWER", message: failure?.message, ...failure?.extensions });
    });
    signal.addEventListener("abort", () => request.abort());
    request.responseType = "json";
    request.open("PUT", url);
    request.send(file);
  });
}
