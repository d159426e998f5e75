import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";

const CHECK_INTERVAL_MS = 250;
const CHECK_TIMEOUT_MS = 1_000;

/**
 * Starts a load balancer of the plainest kind: each connection, HTTP or WebSocket, goes to the next back-end in turn, but
 * for those that refuse it, or do not say that they live.
 */
export async function startFront(port: number) {
  const open = new Set<Socket>();
  const silent = new Set<string>();
  let backEnds: readonly string[] = [];
  let turn = 0;

  const server = createServer({ pauseOnConnect: true }, (client) => {
    keep(client);
    turn += 1;
    const inTurn = backEnds.map((_, index) => backEnds[(turn + index) % backEnds.length] ?? "");
    // With nobody healthy all are tried, as load balancers do.
    const healthy = inTurn.filter((origin) => !silent.has(origin));
    tryInTurn(client, healthy.length > 0 ? healthy : inTurn);
  });

  function tryInTurn(client: Socket, [origin, ...others]: readonly string[]): void {
    if (origin === undefined || client.destroyed) return void client.destroy();
    const backEnd = connect(Number(new URL(origin).port), "127.0.0.1");
    keep(backEnd);
    const tryNext = (): void => tryInTurn(client, others);
    backEnd.once("error", tryNext);
    client.once("close", () => backEnd.destroy());
    backEnd.once("connect", () => {
      backEnd.off("error", tryNext).once("close", () => client.destroy());
      client.pipe(backEnd).pipe(client);
    });
  }

  function keep(socket: Socket): void {
    open.add(socket);
    // `close` passes the error on to the other side.
    socket.setNoDelay(true).on("error", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
  }

  async function check(origin: string): Promise<void> {
    const isHealthy = await fetch(`${origin}/health`, {
      signal: AbortSignal.timeout(CHECK_TIMEOUT_MS),
    }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isHealthy) silent.delete(origin);
    else silent.add(origin);
  }

  const checks = setInterval(() => {
    for (const origin of backEnds) void check(origin);
  }, CHECK_INTERVAL_MS);

  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No TCP address.");
  return {
    url: `http://127.0.0.1:${address.port}`,
    /** From now on connections go to these. */
    setBackEnds(origins: readonly string[]): void {
      backEnds = origins;
    },
    async close(): Promise<void> {
      clearInterval(checks);
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
