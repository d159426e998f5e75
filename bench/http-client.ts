import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";

/** Opens a client that keeps up to `connections` connections to an address alive. */
export function openClient(connections: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });

  /** Posts JSON and resolves with the text of the answer; rejects unless that is a 200. */
  async function post(
    url: string,
    body: string,
    headers: Record<string, string> = {},
  ): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const length = Buffer.byteLength(body);
    request(
      url,
      {
        agent,
        method: "POST",
        headers: { "content-type": "application/json", "content-length": length, ...headers },
      },
      resolve,
    )
      .on("error", reject)
      .end(body);
    const response = await promise;
    const answer = await text(response);
    if (response.statusCode !== 200)
      throw new Error(`${url} answered ${response.statusCode}: ${answer}`);
    return answer;
  }

  /** Does something `times` times, as often at once as there are connections, and resolves with the milliseconds it took. */
  async function repeat(times: number, act: () => Promise<void>): Promise<number> {
    const startedAt = performance.now();
    let left = times;
    async function work(): Promise<void> {
      while (left-- > 0) await act();
    }
    await Promise.all(Array.from({ length: connections }, work));
    return performance.now() - startedAt;
  }

  return { post, repeat, [Symbol.dispose]: () => agent.destroy() };
}
