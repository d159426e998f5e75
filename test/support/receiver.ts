import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import { listen } from "./listen.ts";

/** A call as it came. */
export type Call = {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

/** A server that is called; `answer` says with which status each call ends, and null leaves it without an answer. */
export async function startReceiver(
  answer: (call: Call) => number | null = () => 204,
  headers: Readonly<Record<string, string>> = {},
) {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const call = { path: request.url ?? "", headers: request.headers, body };
      calls.push(call);
      const status = answer(call);
      if (status !== null) response.writeHead(status, headers).end("what it says is not kept");
    });
  });
  const { origin, connections } = await listen(server);
  return {
    url: `${origin}/hook`,
    connections,
    calls,
    bodies: () => calls.map(({ body }): unknown => JSON.parse(body)),
    types: () => calls.map(({ body }): unknown => JSON.parse(body).type),
  };
}
