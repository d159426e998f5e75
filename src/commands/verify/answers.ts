import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from "../../engine/job/json.ts";
import type { JobKind } from "../../engine/job/kind.ts";
import { findAdapter } from "../../engine/runcomfy/kinds/find-kind.ts";
import type { RunComfyError } from "../../engine/runcomfy/runcomfy-error.ts";
import type { ResultReport, StatusReport } from "../../engine/runcomfy/wire.ts";

/** What an exchange was made for. */
export type Purpose =
  | "list"
  | "list-by-id"
  | "list-unknown"
  | "list-payloads"
  | "deployment"
  | "balance"
  | "models"
  | "model"
  | "unknown"
  | "wrong-token"
  | "refused"
  | "submit"
  | "status"
  | "early-result"
  | "result"
  | "cancel"
  | "file";

/** One request and its answer, as it came. */
export type Exchange = {
  readonly purpose: Purpose;
  /** Of the job; null where it is about none. */
  readonly kind: JobKind | null;
  /** What was asked about: a deployment, a model or a request. */
  readonly id: string | null;
  /** Unix time in ms. */
  readonly sentAt: number;
  /** Null without an answer. */
  readonly httpStatus: number | null;
  /** Undefined where it is no JSON. Of a file it has `url`, `cacheControl` and `expiration`. */
  readonly body: JsonValue | undefined;
  /** What the answer is to the gateway, if it is not what the call hoped for. */
  readonly error: RunComfyError | null;
};

/** Whether an exchange shows nothing but that the other side is unreachable, or busy. */
export function isOutage({ httpStatus, purpose }: Exchange): boolean {
  // Where a file is can be seen without its answer, and a wrong input may be what a server fails at.
  if (purpose === "file") return false;
  if (httpStatus === null || httpStatus === 429) return true;
  return httpStatus >= 500 && purpose !== "refused";
}

/** What an answer says of a job's status; null where it is no such answer. */
export function readStatus({ purpose, kind, body, error }: Exchange): StatusReport | null {
  if (purpose !== "status" || kind === null || body === undefined || error !== null) return null;
  return findAdapter(kind).readStatus(body);
}

/** The same of its result. */
export function readResult({ kind, body, error }: Exchange): ResultReport | null {
  if (kind === null || body === undefined || error !== null) return null;
  const { readResult, readEarlyResult } = findAdapter(kind);
  return readResult(body) ?? readEarlyResult?.(body) ?? null;
}

/** A member of what may be an object. */
export function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) ? value[name] : undefined;
}

/** The objects in what may be a list. */
export function toObjects(value: JsonValue | undefined): readonly JsonObject[] {
  return isJsonArray(value ?? null) ? [value ?? null].flat().filter(isJsonObject) : [];
}

/** The deployments in an answer that lists them, or is one; null where it does neither. */
export function toRecords(body: JsonValue | undefined): readonly JsonObject[] | null {
  if (isText(member(body, "id")) && isJsonObject(body)) return [body];
  const list = isJsonObject(body) ? body["deployments"] : body;
  return isJsonArray(list ?? null) ? toObjects(list) : null;
}

/** Whether a deployment's record shows a workflow. */
export function hasGraph({ payload }: JsonObject): boolean {
  return isJsonObject(member(payload, "workflow_api_json"));
}

export function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value !== "";
}

/*
 * What may be said of an answer in a report that others read: types, names of members, words of a status, codes and hosts
 * of RunComfy. Values are left out.
 */

const NAME = /^[a-z][a-z_]{0,39}$/i;
const MAX_NAMES = 12;
const OWN_HOST = /(?:^|\.)runcomfy\.(?:net|com)$/;

/** What a value is: its type, and of an object the names of its members. */
export function describeValue(value: JsonValue | undefined): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (isJsonArray(value))
    return value.length === 0 ? "an empty list" : `a list with ${describeValue(value[0])}`;
  if (typeof value === "number") return "a number";
  if (!isJsonObject(value)) return typeof value === "boolean" ? "true or false" : "a text";
  const names = Object.keys(value).map((name) => (NAME.test(name) ? name : "…"));
  const shown = [...new Set(names)].slice(0, MAX_NAMES);
  return names.length === 0 ? "an empty object" : `an object with ${shown.join(", ")}`;
}

/** A word such as that of a status. */
export function describeWord(value: JsonValue | undefined): string {
  return typeof value === "string" && NAME.test(value) ? value : describeValue(value);
}

/** How an exchange ended: what its error means to the gateway, the word of a job's status, or what else came. */
export function describeEnd({ kind, body, error, httpStatus }: Exchange): string {
  if (error !== null) return `HTTP ${httpStatus}, ${error.code}`;
  return kind === null ? describeValue(body) : describeWord(member(body, "status"));
}

/** A host of RunComfy's, without what may be an id in its name. */
export function describeHost(url: JsonValue | undefined): string {
  const host = typeof url === "string" ? URL.parse(url)?.hostname : undefined;
  if (host === undefined) return describeValue(url);
  return isOwnHost(host) ? host.replaceAll(/[\da-f-]{16,}/g, "…") : "another's host";
}

/** Whether a host is RunComfy's. */
export function isOwnHost(host: string): boolean {
  return OWN_HOST.test(host);
}
