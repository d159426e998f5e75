import { buffer } from "node:stream/consumers";
import type { IncomingMessage, ServerResponse } from "node:http";

import { toNodeHandler } from "@modelcontextprotocol/node";
import { type AuthInfo, createMcpHandler } from "@modelcontextprotocol/server";

import type { Viewer } from "../../auth/viewer.ts";
import { whenOver } from "../../runtime/when-over.ts";
import { createFindThumbnail } from "../../engine/files/find-thumbnail.ts";
import type { JsonObject } from "../../engine/job/json.ts";
import { createCaller } from "../../engine/caller.ts";
import type { OpenEngine } from "../../part.ts";
import { createClientLog } from "./client-log.ts";
import { createJobTools } from "./job-tools.ts";
import { createServerFactory } from "./serve-client.ts";
import { createSubmitTools } from "./submit-tools.ts";
import type { ReadThumbnail } from "./tool.ts";
import { toErrorResult } from "./tool-error.ts";
import { createUploadTool } from "./upload-tool.ts";
import { createWaits } from "./waits.ts";

/** Answers what MCP clients send. */
export type Mcp = ReturnType<typeof createMcp>;

/** A message whose sender was admitted. */
export type McpRequest = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly message: JsonObject;
  /** What it took before it was parsed. */
  readonly bytes: number;
  readonly viewer: Viewer;
};

/** Keeps proxies from taking a call that waits for a dead one. */
const KEEP_ALIVE_MS = 10_000;

/**
 * The same jobs as GraphQL's, by the same use cases, as tools of the Model Context Protocol. The SDK speaks the protocol,
 * each request in a server of its own, so that any gateway answers any of them.
 */
export function createMcp(engine: OpenEngine) {
  const { config, files, version, log } = engine;
  const waits = createWaits(engine.channels);
  const readThumbnail = createReadThumbnail(files);
  const tools = [
    ...createSubmitTools(engine.catalogue),
    createUploadTool(config.limits.http.bodyBytes),
    ...createJobTools(waits),
  ];
  const noteClient = createClientLog(log);
  const serve = createServerFactory({ tools, version, log });
  /** Whose each request is: the SDK hands this on as it is. */
  const requests = new WeakMap<AuthInfo, McpRequest>();
  const handler = createMcpHandler(
    ({ era, authInfo }) => {
      const request = authInfo && requests.get(authInfo);
      if (request === undefined) throw new Error("A request of an MCP client has no viewer.");
      const { viewer, response } = request;
      const origin = { viewer, whenOver: (act: () => void) => whenOver(response, act) };
      const context = { ...createCaller(engine, origin), readThumbnail };
      return serve({ era, context });
    },
    {
      keepAliveMs: KEEP_ALIVE_MS,
      onerror: (error) => log.debug({ err: error }, "A message of an MCP client was refused."),
    },
  );

  return {
    /** Resolves once it is answered. */
    async answer(given: McpRequest): Promise<void> {
      const { request, response, message, bytes, viewer } = given;
      try {
        // Who may not wait comes again at once, and the SDK takes a millisecond for each message.
        if (waits.isOne(message)) whenOver(response, waits.enter(viewer, bytes));
      } catch (error) {
        const result = { ...toErrorResult(error, log), resultType: "complete" };
        const body = JSON.stringify({ jsonrpc: "2.0", id: message["id"], result });
        return void response.setHeader("content-type", "application/json").end(body);
      }
      noteClient(message, viewer.ownerId);
      // Without the credential, which was checked.
      const authInfo = { token: "", clientId: "", scopes: [...viewer.scopes] };
      requests.set(authInfo, given);
      const answer = toNodeHandler({
        fetch: (web) => handler.fetch(web, { authInfo, parsedBody: message }),
      });
      const { "content-length": _, "transfer-encoding": _of, ...headers } = request.headers;
      // Its body was read and parsed.
      const read = { method: "POST", url: request.url ?? "/", headers, ...EMPTY };
      try {
        // Even `subscriptions/listen` holds nothing: no capability says that a list may change, so the SDK ends it at once.
        await answer(read, response);
      } finally {
        // The signals of the SDK's requests hold their listeners until the second garbage collection.
        Object.assign(message, { params: null });
      }
    },
    countWaits: waits.count,
    /** Answers those who wait. */
    stop: waits.stop,
    close: () => handler.close(),
  };
}

const EMPTY = { async *[Symbol.asyncIterator]() {} };

type KeptFiles = Parameters<typeof createFindThumbnail>[0];

function createReadThumbnail(files: KeptFiles): ReadThumbnail {
  const findThumbnail = createFindThumbnail(files);
  return async (file, { width, mostBytes }) => {
    const name = await findThumbnail({ name: file, width });
    const size = name === null ? null : await files.store.size(name);
    if (name === null || size === null || size > mostBytes) return null;
    const opened = await files.store.open(name);
    return opened && (await buffer(opened));
  };
}
