import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";

import { listenOnLoopback } from "./listen-on-loopback.ts";

export type TcpProxy = Awaited<ReturnType<typeof startTcpProxy>>;

/** Stands before a port of the loopback, and cuts it off on demand. */
export async function startTcpProxy(target: { readonly port: number }) {
  const pairs = new Set<readonly [Socket, Socket]>();
  let refused = 0;
  let losing: string | null = null;
  let lost = 0;
  let state: "forward" | "drop" | "black-hole" = "forward";

  const server = createServer((client) => {
    if (state === "drop") {
      refused += 1;
      client.on("error", () => undefined).resetAndDestroy();
      return;
    }
    const upstream = connect(target.port, "127.0.0.1");
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const part = (): void => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of pair) {
      socket.setNoDelay(true).on("error", part).on("close", part);
    }
    if (state === "forward") join(pair);
  });

  function join([client, upstream]: readonly [Socket, Socket]): void {
    client.pipe(upstream);
    upstream.removeAllListeners("data").on("data", (chunk: Buffer) => {
      if (losing === null || !chunk.includes(losing)) return;
      lost += 1;
      client.resetAndDestroy();
    });
    upstream.pipe(client);
  }

  const port = await listenOnLoopback(server);
  return {
    port,
    /** Resets every connection, and new ones as soon as they come. */
    drop(): void {
      state = "drop";
      for (const [client, upstream] of pairs) {
        client.resetAndDestroy();
        upstream.destroy();
      }
    },
    /** Keeps connections and takes new ones, but passes nothing on, either way. */
    blackHole(): void {
      state = "black-hole";
      for (const [client, upstream] of pairs) {
        client.unpipe(upstream).pause();
        upstream.unpipe(client).pause();
      }
    },
    /** Resets each connection on which an answer with this text comes, which nobody gets to read. */
    loseAnswers: (text: string) => void (losing = text),
    /** How many answers were lost so. */
    lost: () => lost,
    /** Passes all on again, also what the black hole held. */
    heal(): void {
      if (state === "black-hole") for (const pair of pairs) join(pair);
      state = "forward";
      losing = null;
    },
    /** How many connections were reset as they came. */
    refused: () => refused,
    async close(): Promise<void> {
      const closed = once(server, "close");
      server.close();
      for (const [client, upstream] of pairs) {
        client.destroy();
        upstream.destroy();
      }
      await closed;
    },
  };
}
