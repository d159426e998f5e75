import { type ClientOptions, openConnection } from "./connection.ts";
import { createRequests } from "./request.ts";
import { createStreams } from "./watch.ts";

export type GatewayClient = ReturnType<typeof createGatewayClient>;

/**
 * Speaks to a gateway over HTTP and one WebSocket. Throws a `TypeError` where `url` is none, or there is no WebSocket.
 *
 * @example
 * const gateway = createGatewayClient({ url: "http://127.0.0.1:4000/graphql" });
 * const jobs = gateway.submitAndWatch({ deploymentId, input: { prompt: "A paper lantern" } });
 * for await (const { status, assets } of jobs) console.log(status, assets[0]?.url);
 */
export function createGatewayClient(options: ClientOptions) {
  const { post, ...connection } = openConnection(options);
  const requests = createRequests(post);
  return { ...connection, ...requests, ...createStreams(connection.socket, requests.submit) };
}
