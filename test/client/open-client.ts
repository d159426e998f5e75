import { type ClientOptions, type Connection, createGatewayClient } from "runcomfy-graphql-client";
import { onTestFinished } from "vitest";

import { runGateway } from "../support/gateway-process.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

export const LANTERN = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";

/** A client of a gateway of its own, behind a proxy that can cut it off. */
export async function openClient(
  environment: Readonly<Record<string, string>> = {},
  options: Omit<ClientOptions, "url"> = {},
) {
  const gateway = runGateway({ DATABASE_URL: ":memory:", SANDBOX_SPEED: "20", ...environment });
  const origin = await gateway.url;
  const proxy = await startTcpProxy({ port: Number(new URL(origin).port) });
  onTestFinished(() => proxy.close());
  const client = createGatewayClient({ url: `http://127.0.0.1:${proxy.port}/graphql`, ...options });
  onTestFinished(async () => {
    // It rejects where it was about to connect.
    await Promise.resolve(client.socket.dispose()).catch(() => undefined);
  });
  const kinds: Connection["kind"][] = [];
  client.connection.subscribe(() => kinds.push(client.connection.get().kind));
  return { client, origin, proxy, kinds };
}
