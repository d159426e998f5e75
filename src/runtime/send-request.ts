import { lookup } from "node:dns/promises";
import { type IncomingMessage, request as requestByHttp } from "node:http";
import { request as requestByHttps } from "node:https";
import { isIP } from "node:net";

import { clock } from "./environment.ts";

/** What a request waits for, one after the other. */
export type Stage = "address" | "connection" | "handshake" | "answer";

/** What a request fails with. */
type Failures = Readonly<Record<"notAdmitted" | "tooSlow", () => Error>> & {
  /** What it waited for, and what it met, which may be one of the others; null where it just ended. */
  readonly broken: (stage: Stage, error: Error | null) => Error;
};

/**
 * Asks a server at a URL that anybody may have written, and resolves with the head of its answer, whatever that is: no
 * redirect is followed. Where `admits` is given, it is asked of every IP address before a connection is made there. What is
 * sent reveals nothing of the gateway.
 */
export async function sendRequest(
  url: URL,
  options: {
    readonly admits: ((address: string) => boolean) | null;
    readonly signal: AbortSignal;
    /** How long the server may take to answer. */
    readonly patienceMs: number;
    readonly failures: Failures;
    /** Sent with POST, as JSON. */
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<IncomingMessage> {
  const { admits, signal, patienceMs, failures, body, headers } = options;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (admits !== null && isIP(host) !== 0 && !admits(host)) throw failures.notAdmitted();
  signal.throwIfAborted();
  const answered = Promise.withResolvers<IncomingMessage>();
  let stage: Stage = "connection";
  const send = url.protocol === "https:" ? requestByHttps : requestByHttp;
  const request = send({
    hostname: host,
    port: url.port,
    path: url.pathname + url.search,
    method: body === undefined ? "GET" : "POST",
    headers: {
      accept: "*/*",
      "accept-encoding": "identity",
      "user-agent": "runcomfy-graphql",
      ...(body !== undefined && {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      }),
      ...headers,
    },
    // A connection that was kept would not be checked.
    agent: false,
    signal,
    ...(admits !== null && {
      // Where families are selected automatically, a connection is given all of its addresses.
      autoSelectFamily: true,
      lookup(hostname, _options, callback) {
        stage = "address";
        lookup(hostname, { all: true }).then(
          (addresses) => {
            stage = "connection";
            const allowed = addresses.filter(({ address }) => admits(address));
            callback(allowed.length === 0 ? failures.notAdmitted() : null, allowed);
          },
          (error) => callback(error, []),
        );
      },
    }),
  });
  const stopTimer = clock.setTimer(() => request.destroy(failures.tooSlow()), patienceMs);
  request.on("response", (response) => {
    // What comes after a whole body belongs to no answer; the request reports it.
    request.on("error", (error) => response.destroy(error));
    answered.resolve(response);
  });
  request.on("socket", (socket) => {
    socket.on("connect", () => (stage = send === requestByHttps ? "handshake" : "answer"));
    socket.on("secureConnect", () => (stage = "answer"));
  });
  request.on("error", (error) => answered.reject(failures.broken(stage, error)));
  // An answer that asks for another protocol ends without an error.
  request.on("close", () => answered.reject(failures.broken(stage, null)));
  request.end(body);
  return await answered.promise.finally(stopTimer);
}
