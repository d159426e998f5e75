import { type ClientOptions, type Connection, createGatewayClient } from "runcomfy-graphql-client";
import { afterAll, onTestFinished } from "vitest";

import { type OpenGateway, openGateway, SANDBOX, start } from "../gateway/open-gateway.ts";
import { runGateway } from "../support/gateway-process.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

export const LANTERN = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";

/** A client of a gateway of its own, behind a proxy that can cut it off. */
export async function openClient(
  environment: Readonly<Record<string, string>> = {},
  options: Omit<ClientOptions, "url"> = {},
) {
  const gateway = await start({ ...SANDBOX, SANDBOX_SPEED: "20", ...environment });
  return await openClientOf(gateway, options);
}

/** Opens clients of one gateway, which serves all tests of the file that calls this. */
export function shareGateway() {
  let gateway: OpenGateway | undefined;
  afterAll(() => gateway?.end());
  return async () => {
    gateway ??= await openGateway({ ...SANDBOX, SANDBOX_SPEED: "20" });
    return await openClientOf(gateway);
  };
}

/** The same for a gateway in a process of its own, whose clock goes on when the test's is stopped. */
export async function openClientOfProcess() {
  const url = await runGateway({ DATABASE_URL: ":memory:", SANDBOX_SPEED: "20" }).url;
  return await openClientOf({ url });
}

async function openClientOf(
  { url: origin }: { readonly url: string },
  options: Omit<ClientOptions, "url"> = {},
) {
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
