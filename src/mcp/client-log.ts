import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import { isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";
import { clock } from "../runtime/environment.ts";

const MAX_KNOWN = 1_000;
const MAX_LENGTH = 64;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Clients name themselves as they like, and must not fill the log with it. */
const BETWEEN_LINES_MS = 1_000;

/** Makes what logs which program calls: once a day for each of an owner, and at most once a second. */
export function createClientLog(log: Pick<BaseLogger, "info">) {
  const known = new LRUCache<string, true>({
    max: MAX_KNOWN,
    ttl: DAY_MS,
    ttlResolution: 0,
    perf: { now: clock.monotonic },
  });
  let loggedAt = -Infinity;

  return (message: JsonObject, ownerId: string): void => {
    const client = findClient(message);
    if (client === null) return;
    const key = `${client} ${ownerId}`;
    if (known.has(key) || clock.monotonic() - loggedAt < BETWEEN_LINES_MS) return;
    loggedAt = clock.monotonic();
    known.set(key, true);
    log.info({ client }, "An MCP client calls.");
  };
}

/** As it names itself, when it begins or with each request; null where it does not. */
function findClient({ params }: JsonObject): string | null {
  const { clientInfo, _meta: meta } = toObject(params);
  const { name, version } = toObject(clientInfo ?? toObject(meta)[CLIENT_INFO]);
  if (typeof name !== "string") return null;
  return `${clean(name)}/${typeof version === "string" ? clean(version) : "?"}`;
}

const CLIENT_INFO = "io.modelcontextprotocol/clientInfo";

function toObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** One short line of plain letters, digits and signs. */
function clean(text: string): string {
  return text.slice(0, MAX_LENGTH).replaceAll(/[^ -~]/g, "?");
}
