import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { onTestFinished } from "vitest";

const REVISION = "2026-07-28";
const CLIENT = { name: "test-client", version: "1.2.3" };
const TASKS = { extensions: { "io.modelcontextprotocol/tasks": {} } };

/** The official client, of the revision of 2026 or of one of 2025, closed when the test ends. */
export async function connect(
  url: string,
  { key, isOld = false }: { readonly key?: string | undefined; readonly isOld?: boolean } = {},
): Promise<Client> {
  const client = new Client(CLIENT, {
    versionNegotiation: { mode: isOld ? "legacy" : { pin: REVISION } },
  });
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const transport = new StreamableHTTPClientTransport(new URL("/mcp", url), {
    requestInit: { headers },
  });
  await client.connect(transport);
  onTestFinished(() => client.close());
  return client;
}

type Options = {
  readonly key?: string | undefined;
  readonly capabilities?: object;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Sends a request as a client that takes tasks; the official one does not take them yet. Resolves with the answer's JSON. */
export async function ask(...given: Parameters<typeof send>) {
  return JSON.parse(await (await send(...given)).text());
}

/** The same with the answer as it is. */
export function send(
  url: string,
  method: string,
  params: { readonly [name: string]: unknown },
  options: Options = {},
): Promise<Response> {
  const { key, capabilities = TASKS } = options;
  const name = params["name"] ?? params["taskId"] ?? params["uri"];
  return fetch(new URL("/mcp", url), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": REVISION,
      "mcp-method": method,
      ...(typeof name === "string" && { "mcp-name": name }),
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...options.headers,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method,
      params: {
        ...params,
        _meta: {
          "io.modelcontextprotocol/protocolVersion": REVISION,
          "io.modelcontextprotocol/clientInfo": CLIENT,
          "io.modelcontextprotocol/clientCapabilities": capabilities,
        },
      },
    }),
  });
}

/** What a tool has answered with, as structured content. */
export function read(result: { readonly structuredContent?: unknown }) {
  return JSON.parse(JSON.stringify(result.structuredContent));
}
