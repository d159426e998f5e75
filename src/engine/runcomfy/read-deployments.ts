import { isIdentifier } from "../job/job.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonArray, isJsonObject } from "../job/json.ts";
import type { JobKind } from "../job/kind.ts";
import { DEFAULT_KIND } from "./kinds/find-kind.ts";
import { KINDS } from "./kinds/kinds.ts";

/** What the upstream says about a deployment now; null where it says nothing readable. */
export type LiveDeployment = {
  readonly id: string;
  /** The kind of job that it seems to run: the list doesn't name it, and only a payload shows it. */
  readonly kind: JobKind;
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

/** Lists these deployments, or all; null when an id would change the path. Version 2 is the only one that has the list. */
export function toListPath(ids: readonly string[] | "all"): string | null {
  if (ids === "all") return "prod/v2/deployments";
  if (!ids.every(isIdentifier)) return null;
  return `prod/v2/deployments?${ids.map((id) => `ids=${id}`).join("&")}`;
}

/** Shows one deployment with its payload; null when the id would change the path. */
export function toDeploymentPath(id: string): string | null {
  return isIdentifier(id) ? `prod/v2/deployments/${id}?includes=payload` : null;
}

/** For how long and how large a workflow may come, and ComfyUI's description of all installed nodes. */
export const PAYLOAD_BOUNDS = { timeoutMs: 30_000, maxBytes: 64 * 1_024 * 1_024 } as const;

const MAX_TEXT_LENGTH = 128;
const MAX_HARDWARE = 8;

/** Reads a list, bare or as `{deployments: […]}`, without the entries that have no id; null when it is none. */
export function readLiveDeployments(body: JsonValue): LiveDeployment[] | null {
  const list = isJsonObject(body) ? (body["deployments"] ?? null) : body;
  if (!isJsonArray(list)) return null;
  return list.filter(isJsonObject).flatMap((entry) => readEntry(entry) ?? []);
}

/** What a deployment runs, by its payload; null where the answer shows none. */
export function readDeploymentKind(body: JsonValue): JobKind | null {
  if (!isJsonObject(body) || !isIdentifier(body["id"])) return null;
  const { payload } = body;
  if (payload === null) return DEFAULT_KIND.name;
  if (!isJsonObject(payload)) return null;
  return (KINDS.find(({ mark }) => mark?.isShown(payload)) ?? DEFAULT_KIND).name;
}

function readEntry(entry: JsonObject): LiveDeployment | null {
  const { id, is_enabled: isEnabled, hardware = null } = entry;
  if (!isIdentifier(id)) return null;
  // A list, or one name alone.
  const machines = isJsonArray(hardware) ? hardware : [hardware];
  return {
    id,
    kind: (KINDS.find(({ mark }) => mark?.isSeeming(entry)) ?? DEFAULT_KIND).name,
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
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
  return [...text].slice(0, MAX_TEXT_LENGTH).join("").trimEnd() || null;
}
