import { isIdentifier } from "../job/job.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonArray, isJsonObject } from "../job/json.ts";

/** What the upstream says about a deployment now; null where it says nothing readable. */
export type LiveDeployment = {
  readonly id: string;
  /** At most 128 printable characters. */
  readonly name: string | null;
  /** The upstream's names for the machines that it runs on, at most 8; empty where it gives none. */
  readonly hardware: readonly string[];
  readonly minInstances: number | null;
  readonly maxInstances: number | null;
  readonly queueSize: number | null;
  /** How long an idle instance is kept. */
  readonly keepWarmSeconds: number | null;
  readonly isEnabled: boolean | null;
  /** The upstream's own word, at most 128 printable characters. */
  readonly status: string | null;
};

const MAX_TEXT_LENGTH = 128;
const MAX_HARDWARE = 8;

/** Reads a list, bare or as `{deployments: […]}`, without the entries that have no id; null when it is none. */
export function readLiveDeployments(body: JsonValue): LiveDeployment[] | null {
  const list = isJsonObject(body) ? (body["deployments"] ?? null) : body;
  if (!isJsonArray(list)) return null;
  return list.filter(isJsonObject).flatMap((entry) => readEntry(entry) ?? []);
}

function readEntry(entry: JsonObject): LiveDeployment | null {
  const { id, is_enabled: isEnabled, hardware = null } = entry;
  if (!isIdentifier(id)) return null;
  // A list, or one name alone.
  const machines = isJsonArray(hardware) ? hardware : [hardware];
  return {
    id,
    name: readText(entry["name"]),
    hardware: machines.flatMap((name) => readText(name) ?? []).slice(0, MAX_HARDWARE),
    minInstances: readInteger(entry["min_instances"]),
    maxInstances: readInteger(entry["max_instances"]),
    queueSize: readInteger(entry["queue_size"]),
    keepWarmSeconds: readInteger(entry["keep_warm_duration_in_seconds"]),
    isEnabled: typeof isEnabled === "boolean" ? isEnabled : null,
    status: readText(entry["status"]),
  };
}

/** GraphQL's Int has 32 bits. */
function readInteger(value: unknown): number | null {
  return typeof value === "number" && (value | 0) === value ? value : null;
}

function readText(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const text = value
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, MAX_TEXT_LENGTH);
  // The cut may have gone through the middle of a character.
  return (
    text
      .replace(/[\uD800-\uDBFF]$/, "")
      .trimEnd()
      .toWellFormed() || null
  );
}
