import type { Faults } from "./faults.ts";
import { toResult } from "./request-answers.ts";
import type { RequestStore } from "./request-store.ts";
import type { Target } from "./target.ts";

/** How long a call may take, and how long after each failure the next one comes; at speed 1. */
const PATIENCE_MS = 10_000;
const RETRIES_MS = [1_000, 5_000, 30_000, 120_000, 600_000] as const;
/** How late a call comes that was asked to be late; at speed 1. */
const LATE_MS = 5_000;
/** The longest delay of a timer; a later end is checked for then. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A request to report, and where. */
type Followed = { readonly id: string; readonly target: Target; readonly url: string };

/**
 * Calls the URLs that submits name once their requests have ended, as RunComfy does: unsigned, and again until a 2xx comes.
 * They are in memory: a restart forgets them.
 */
export function createWebhooks(options: {
  readonly origin: string;
  readonly store: Pick<RequestStore, "read">;
  readonly faults: Pick<Faults, "take">;
  readonly speed: number;
  readonly now: () => number;
}) {
  const { origin, store, faults, speed, now } = options;
  const closing = new AbortController();
  const followed = new Map<string, Followed>();
  const timers = new Set<NodeJS.Timeout>();

  function later(act: () => void, ms: number): void {
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        act();
      },
      Math.min(Math.max(0, ms), MAX_TIMER_MS),
    );
    timers.add(timer.unref());
  }

  /** Reports a request if it has ended. */
  function check(id: string): void {
    const one = followed.get(id);
    const stored = one && store.read(id, now());
    if (!one || !stored) return void followed.delete(id);
    const isEnded = stored.state === "finished" || stored.state === "cancelled";
    if (!isEnded) return later(() => check(id), stored.finishAt - now());
    followed.delete(id);
    const { shapes } = faults.take("webhook", "deployments");
    if (shapes.has("webhook-never")) return;
    const { target } = one;
    const context = { id, base: "", target, stored, shapes };
    const result = toResult(context, { folder: `${origin}/files/${id}`, hasCost: false });
    const body = JSON.stringify({
      deployment_id: target.id,
      ...JSON.parse(String(result.body)),
    });
    const url = shapes.has("webhook-forged") ? forge(one.url) : one.url;
    const call = (): void => void deliver(url, body, 0);
    const times = shapes.has("webhook-twice") ? 2 : 1;
    const lateMs = shapes.has("webhook-late") ? LATE_MS / speed : 0;
    for (let count = 0; count < times; count++) later(call, lateMs);
  }

  async function deliver(url: string, body: string, tries: number): Promise<void> {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(PATIENCE_MS)]);
    const headers = { "content-type": "application/json" };
    const isTaken = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" })
      .then(async (response) => {
        await response.body?.cancel();
        return response.ok;
      })
      .catch(() => false);
    const delayMs = RETRIES_MS[tries];
    if (isTaken || delayMs === undefined || closing.signal.aborted) return;
    later(() => void deliver(url, body, tries + 1), delayMs / speed);
  }

  return {
    follow(one: Followed): void {
      followed.set(one.id, one);
      check(one.id);
    },
    check,
    close(): void {
      closing.abort();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** As a stranger would guess it, who knows all but the secret at its end. */
function forge(url: string): string {
  return url.slice(0, -1) + (url.endsWith("A") ? "B" : "A");
}

/** Whether it may be called. */
export function isWebhookUrl(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? "");
}
