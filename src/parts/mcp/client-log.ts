import { CLIENT_INFO_META_KEY } from "@modelcontextprotocol/server";
import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import { isJsonObject, type JsonObject, type JsonValue } from "../../engine/job/json.ts";
import { clock } from "../../runtime/environment.ts";

const MAX_KNOWN = 1_000;
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

  /** Clients name themselves when they begin, or with each request. */
  return ({ params }: JsonObject, ownerId: string): void => {
    const { clientInfo, _meta: meta } = toObject(params);
    const { name, version } = toObject(clientInfo ?? toObject(meta)[CLIENT_INFO_META_KEY]);
    if (typeof name !== "string") return;
    const client = `${clean(name)}/${clean(version)}`;
    const key = `${client} ${ownerId}`;
    if (known.has(key) || clock.monotonic() - loggedAt < BETWEEN_LINES_MS) return;
    loggedAt = clock.monotonic();
    known.set(key, true);
    log.info({ client }, "An MCP client calls.");
  };
}

function toObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** At most 64 plain letters, digits and signs. */
function clean(text: JsonValue | undefined): string {
  return typeof text === "string" ? text.slice(0, 64).replaceAll(/[^ -~]/g, "?") : "?";
}
