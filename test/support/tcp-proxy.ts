import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";

/** Stands before a server on the loopback, and cuts it off on demand. */
export type TcpProxy = {
  readonly port: number;
  /** Resets every connection, and new ones as soon as they come. */
  drop(): void;
  /** Keeps connections and takes new ones, but passes nothing on, either way. */
  blackHole(): void;
  /** Resets each connection on which an answer with this text comes, which nobody gets to read. */
  loseAnswers(text: string): void;
  /** How many answers were lost so. */
  lost(): number;
  /** Passes all on again, also what the black hole held. */
  heal(): void;
  /** How many connections were reset as they came. */
  refused(): number;
  /** What the last black hole has held: of each connection on which something was sent, the first line. */
  held(): readonly string[];
  close(): Promise<void>;
};

/** Starts one before this port. */
export async function startTcpProxy(target: { readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let refused = 0;
  let held: string[] = [];
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
    else hold(client);
  });

  function join([client, upstream]: readonly [Socket, Socket]): void {
    client.removeAllListeners("data").pipe(upstream);
    upstream.removeAllListeners("data").on("data", (chunk: Buffer) => {
      if (losing === null || !chunk.includes(losing)) return;
      lost += 1;
      client.resetAndDestroy();
    });
    upstream.pipe(client);
  }

  /** Sees what comes first, and leaves it where it is. */
  function hold(client: Socket): void {
    client.once("data", (chunk: Buffer) => {
      held.push(chunk.toString("latin1").split("\r\n", 1)[0] ?? "");
      client.pause().unshift(chunk);
    });
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No TCP address.");

  return {
    port: address.port,
    drop() {
      state = "drop";
      for (const [client, upstream] of pairs) {
        client.resetAndDestroy();
        upstream.destroy();
      }
    },
    blackHole() {
      state = "black-hole";
      held = [];
      for (const [client, upstream] of pairs) {
        client.unpipe(upstream).pause();
        upstream.unpipe(client).pause();
        hold(client);
      }
    },
    loseAnswers: (text) => void (losing = text),
    lost: () => lost,
    heal() {
      if (state === "black-hole") for (const pair of pairs) join(pair);
      state = "forward";
      losing = null;
    },
    refused: () => refused,
    held: () => held,
    async close() {
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
