import { chance } from "../../runtime/environment.ts";

/** `PENDING` while it waits for its next try, `FAILED` after the last one. */
export type DeliveryState = "PENDING" | "DELIVERED" | "FAILED";

/** What an owner says of a webhook. */
export type WebhookSettings = {
  readonly url: string;
  /** Null is all. */
  readonly events: readonly string[] | null;
  /** Null is any. */
  readonly deploymentId: string | null;
  readonly tag: string | null;
};

/** A URL that is called with events of its owner's jobs. */
export type Webhook = WebhookSettings & {
  readonly id: string;
  readonly ownerId: string;
  readonly createdAt: Date;
  /** Since when each try has failed; null where the last one succeeded, or there was none. */
  readonly failingSince: Date | null;
  /** Null while it is enabled. */
  readonly disabledAt: Date | null;
  readonly disabledReason: string | null;
};

/** Why a call of a webhook had no answer. */
export type CallFailure =
  | "NOT_ALLOWED"
  | "NO_ADDRESS"
  | "NO_CONNECTION"
  | "TLS"
  | "TIMED_OUT"
  | "CUT_OFF";

/** One call of a webhook, as it is stored. */
export type WebhookTry = {
  /** In milliseconds since 1970. */
  readonly at: number;
  /** The HTTP status of the answer; null where none came. */
  readonly status: number | null;
  readonly durationMs: number;
  /** Where none came. */
  readonly failure?: CallFailure;
};

/** An event on its way to a webhook. */
export type Delivery = {
  readonly id: string;
  readonly webhookId: string;
  readonly event: string;
  /** Null where it is about no job. */
  readonly jobId: string | null;
  readonly state: DeliveryState;
  readonly createdAt: Date;
  /** Null once it has ended. */
  readonly dueAt: Date | null;
  readonly tries: readonly WebhookTry[];
};

/** A URL that a submit named for its job alone, and its deliveries, newest first. */
export type JobWebhook = { readonly url: string; readonly deliveries: readonly Delivery[] };

export const SECRET_PREFIX = "whsec_";
const SECRET_BYTES = 32;

/** A secret as Standard Webhooks writes it. */
export function createSecret(): string {
  return SECRET_PREFIX + chance.bytes(SECRET_BYTES).toString("base64");
}

export function createWebhookId(): string {
  return `whk_${chance.bytes(16).toString("hex")}`;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Between a try that failed and the next one. */
const PAUSES_MS: readonly number[] = [
  5_000,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR_MS),
];
export const MAX_RETRY_AFTER_MS = 24 * HOUR_MS;
/** For servers that have too much to do and do not say for how long. */
const MIN_REST_MS = 5_000;

/**
 * How long to wait after so many tries that failed; null when that was the last one. `random` in [0, 1) makes it up to a
 * tenth longer. A server that asks for more time gets it, up to a day.
 */
export function toRetryMs(tries: number, random: number, retryAfterMs: number): number | null {
  const pauseMs = PAUSES_MS[tries - 1];
  if (pauseMs === undefined) return null;
  const askedMs = Math.min(retryAfterMs, MAX_RETRY_AFTER_MS);
  return Math.round(Math.max(pauseMs, askedMs) * (1 + random / 10));
}

/** For how long a server that answered so is to be left alone, whatever else waits for it; 0 where it asks for no rest. */
export function toRestMs(status: number | null, retryAfterMs: number): number {
  const leastMs = status === 429 || status === 503 ? MIN_REST_MS : 0;
  return Math.round(Math.min(Math.max(retryAfterMs, leastMs), MAX_RETRY_AFTER_MS));
}
