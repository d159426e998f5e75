import { createInterface } from "node:readline";
import { Readable } from "node:stream";

import { isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";
import { Queue } from "../runtime/queue.ts";

/** Sent to the gateway at once; further messages wait. */
const MAX_UNDER_WAY = 100;
/** More than any gateway takes; a line without an end is none. */
const MAX_LINE_LENGTH = 64 * 1_048_576;
const META = "_meta";
const REVISION = "io.modelcontextprotocol/protocolVersion";
/** JSON-RPC leaves this one to servers. */
const UNREACHABLE = -32_000;

/**
 * Sends each line that a client of the Model Context Protocol writes to a gateway's `/mcp`, and gives what that answers, a
 * message on each line. Resolves once the client has closed its end; what is under way then is given up.
 */
export async function relayMessages(options: {
  readonly lines: AsyncIterable<string>;
  readonly write: (line: string) => void;
  readonly url: URL;
  /** The gateway's credential; null where it asks for none. */
  readonly key: string | null;
}): Promise<void> {
  const { lines, write, url, key } = options;
  const queue = new Queue({ total: MAX_UNDER_WAY, sliceMs: Infinity });
  const leaving = new AbortController();
  const underWay = new Map<JsonValue, AbortController>();

  for await (const line of lines) {
    const message = line.length > MAX_LINE_LENGTH ? null : parse(line);
    if (message === null) continue;
    // A gateway holds no session, so that it can't know of which request this speaks.
    if (message["method"] === "notifications/cancelled") {
      underWay.get(toObject(message["params"])["requestId"] ?? null)?.abort();
      continue;
    }
    const release = await queue.enter("");
    void relay(message).finally(release);
  }
  leaving.abort();

  /** Never rejects. */
  async function relay(message: JsonObject): Promise<void> {
    const id = message["id"] ?? null;
    const cancelling = new AbortController();
    if (id !== null) underWay.set(id, cancelling);
    const signal = AbortSignal.any([leaving.signal, cancelling.signal]);
    try {
      const headers = toHeaders(message, key);
      const body = JSON.stringify(message);
      const response = await fetch(url, { method: "POST", headers, body, signal });
      for await (const answer of readAnswers(response)) write(answer);
    } catch (error) {
      if (signal.aborted || id === null) return;
      const reason = error instanceof RefusedError ? error.message : AWAY;
      const answer = { jsonrpc: "2.0", id, error: { code: UNREACHABLE, message: reason } };
      write(JSON.stringify(answer));
    } finally {
      underWay.delete(id);
    }
  }
}

const AWAY = "The gateway can't be reached. Start it, or correct --url.";

/** The gateway did not take a message; it says why. */
class RefusedError extends Error {
  override readonly name = "RefusedError";
}

/** The messages of an answer, each in one line. */
async function* readAnswers(response: Response): AsyncGenerator<string> {
  const { status, body } = response;
  if (status === 202 || body === null) return;
  if (response.headers.get("content-type")?.startsWith("text/event-stream") !== true) {
    const answer = parse(await response.text());
    if (answer?.["jsonrpc"] === undefined) throw new RefusedError(toReason(answer, status));
    yield JSON.stringify(answer);
    return;
  }
  // Each event has its message in one line of data.
  for await (const line of createInterface({ input: Readable.from(body) }))
    if (line.startsWith("data: {")) yield line.slice("data: ".length);
}

function toReason(answer: JsonObject | null, status: number): string {
  const [first] = Array.isArray(answer?.["errors"]) ? answer["errors"] : [];
  const { message } = toObject(first);
  return typeof message === "string" ? message : `The gateway answered ${status}. Check --url.`;
}

/** What tells proxies, and the gateway, what the message is. */
function toHeaders({ method, params }: JsonObject, key: string | null): Record<string, string> {
  const { name, uri, taskId, [META]: meta } = toObject(params);
  const about = [name, uri, taskId].find((one) => typeof one === "string");
  const revision = toObject(meta)[REVISION];
  return {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    ...(key !== null && { authorization: `Bearer ${key}` }),
    ...(typeof revision === "string" && {
      "mcp-protocol-version": revision,
      ...(typeof method === "string" && { "mcp-method": method }),
      ...(typeof about === "string" && { "mcp-name": about }),
    }),
  };
}

function parse(text: string): JsonObject | null {
  try {
    const value: JsonValue = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

function toObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}
