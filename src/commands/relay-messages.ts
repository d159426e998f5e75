import { isJsonObject, type JsonObject, type JsonValue } from "../engine/job/json.ts";
import { Semaphore } from "../runtime/semaphore.ts";
import { readLines } from "./read-lines.ts";

/** Sent to the gateway at once, and further messages that wait. */
const MAX_UNDER_WAY = 100;
const MAX_WAITING = 1_000;
/** As much as any gateway takes. */
const MAX_LINE_LENGTH = 64 * 1_048_576;
const META = "_meta";
const REVISION = "io.modelcontextprotocol/protocolVersion";
/** JSON-RPC's own codes, and one that it leaves to servers. */
const NO_JSON = -32_700;
const NO_REQUEST = -32_600;
const UNREACHABLE = -32_000;

/**
 * Sends each line that a client of the Model Context Protocol writes to a gateway's `/mcp`, and gives what that answers, a
 * message on each line. Resolves once the client has closed its end; what is under way then is given up.
 */
export async function relayMessages(options: {
  readonly input: AsyncIterable<Uint8Array>;
  readonly write: (line: string) => void;
  readonly url: URL;
  /** The gateway's credential; null where it asks for none. */
  readonly key: string | null;
}): Promise<void> {
  const { input, write, url, key } = options;
  const slots = new Semaphore({
    atOnce: MAX_UNDER_WAY,
    maxWaiting: MAX_WAITING,
    refuse: () => new RefusedError(CROWDED),
  });
  const leaving = new AbortController();
  const underWay = new Map<JsonValue, AbortController>();

  for await (const line of readLines(input, MAX_LINE_LENGTH)) {
    const message = parse(line);
    if (!isJsonObject(message)) refuse(line, message);
    // A gateway holds no session, so it can't know which request this is about.
    else if (message["method"] === "notifications/cancelled")
      underWay.get(toObject(message["params"])["requestId"] ?? null)?.abort();
    // Not awaited, so that cancels are read meanwhile: they make room for what waits.
    else void relay(message);
  }
  leaving.abort();

  function refuse(line: string, message: JsonValue | undefined): void {
    if (line.trim() === "") return;
    if (line.length > MAX_LINE_LENGTH) writeError(null, NO_REQUEST, TOO_LONG);
    else if (message === undefined) writeError(null, NO_JSON, UNREADABLE);
    else writeError(null, NO_REQUEST, NO_OBJECT);
  }

  /** Never rejects. */
  async function relay(message: JsonObject): Promise<void> {
    const id = message["id"] ?? null;
    const cancelling = new AbortController();
    if (id !== null) underWay.set(id, cancelling);
    const signal = AbortSignal.any([leaving.signal, cancelling.signal]);
    try {
      await slots.run(() => pass(message, id, signal), signal);
    } catch (error) {
      if (signal.aborted || id === null) return;
      writeError(
        id,
        UNREACHABLE,
        error instanceof RefusedError ? error.message : toUnreachable(error),
      );
    } finally {
      underWay.delete(id);
    }
  }

  async function pass(message: JsonObject, id: JsonValue, signal: AbortSignal): Promise<void> {
    const body = JSON.stringify(message);
    const response = await fetch(url, {
      method: "POST",
      headers: toHeaders(message, key),
      body,
      signal,
    });
    for await (const answer of readAnswers(response)) {
      // An error may not know which request it is about.
      const named = answer["id"] === null ? { ...answer, id } : answer;
      write(JSON.stringify(named));
      if (named["id"] === id) return;
    }
    if (id !== null) throw new RefusedError(CUT);
  }

  function writeError(id: JsonValue, code: number, reason: string): void {
    write(JSON.stringify({ jsonrpc: "2.0", id, error: { code, message: reason } }));
  }
}

const TOO_LONG = "The line is longer than 64 MiB. Send large files to an address of create_upload.";
const UNREADABLE = "The line is no JSON. Send a message of JSON-RPC in each line.";
const NO_OBJECT = "The line is no JSON object. Send each message in a line of its own.";
const CROWDED =
  "Too many requests wait already. Wait for some of their answers, then send this again.";
const CUT =
  "The gateway ended its answer too early. Ask for the state with list_jobs before you try again.";

/** Says what kind of failure it is, as far as it has a name. */
function toUnreachable(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const kind = typeof code === "string" ? ` (${code})` : "";
  return `The gateway can't be reached${kind}. Start it, or correct --url.`;
}

/** The gateway did not take a message; it says why. */
class RefusedError extends Error {
  override readonly name = "RefusedError";
}

async function* readAnswers(response: Response): AsyncGenerator<JsonObject> {
  const { status, body } = response;
  if (status === 202 || body === null) return;
  if (response.headers.get("content-type")?.startsWith("text/event-stream") !== true) {
    const answer = toObject(parse(await response.text()));
    if (answer["jsonrpc"] === undefined) throw new RefusedError(toReason(answer, status));
    yield answer;
    return;
  }
  // Each event has its message in one line of data.
  for await (const line of readLines(body, MAX_LINE_LENGTH)) {
    const answer = line.startsWith(DATA) ? parse(line.slice(DATA.length)) : undefined;
    if (isJsonObject(answer)) yield answer;
  }
}

const DATA = "data: ";

function toReason(answer: JsonObject, status: number): string {
  const [first] = Array.isArray(answer["errors"]) ? answer["errors"] : [];
  const { message } = toObject(first);
  return typeof message === "string" ? message : `The gateway answered ${status}. Check --url.`;
}

/** What shows proxies, and the gateway, what the message is. */
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
      ...(typeof about === "string" && { "mcp-name": toHeader(about) }),
    }),
  };
}

/** As the protocol writes what is no plain text in a header. */
function toHeader(text: string): string {
  const isPlain = /^[!-~]([ -~]*[!-~])?$/.test(text) && !text.startsWith("=?base64?");
  return isPlain ? text : `=?base64?${Buffer.from(text).toString("base64")}?=`;
}

/** Undefined for what is no JSON. */
function parse(text: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

function toObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}
