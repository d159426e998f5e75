import type { BaseLogger } from "pino";

import type { Figure } from "../../engine/diagnostics/figure.ts";
import { chance, clock } from "../../runtime/environment.ts";
import { notifyOfFirst, startLoop } from "../../runtime/loop.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import type { ClaimedWebhook, TriedDelivery, WebhookClaims } from "./claims.ts";
import { FROM_START } from "./due-webhooks.ts";
import type { Post } from "./post.ts";
import { toHeaders } from "./signature.ts";
import { type DeliveryState, toRestMs, toRetryMs } from "./webhook.ts";

/** How many webhooks a gateway calls at once, and how many others wait; further ones are listed again. */
const MAX_AT_ONCE = 256;
const MAX_WAITING = 4_096;
/** How often to ask for deliveries of jobs that ended meanwhile. */
const MAX_REST_MS = 500;
const RETRY_MS = 2_000;
const BETWEEN_SWEEPS_MS = 60_000;
/** A webhook gives others its turn after this long, and what it then waits for. */
const MAX_TURN_MS = 1_000;

type SenderOptions = {
  readonly claims: WebhookClaims;
  /** Null for each with nothing to send any more. */
  readonly toMessages: (claimed: readonly ClaimedWebhook[]) => Promise<readonly (string | null)[]>;
  readonly post: Post;
  readonly log: BaseLogger;
};

/**
 * Calls webhooks, each with one delivery at a time. What a gateway that dies has claimed comes due again, so a delivery may
 * be made twice, but none is lost.
 */
export class WebhookSender {
  readonly #options: SenderOptions;
  /** Webhooks that are called, or wait for others to be. */
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #calls = new Semaphore({
    atOnce: MAX_AT_ONCE,
    maxWaiting: MAX_WAITING,
    refuse: () => LISTED_AGAIN,
  });
  /** After which webhooks to go on with what is due, and with what is to be deleted. */
  #dueAfter = FROM_START;
  #unusedAfter = "";
  #sweptAt = clock.monotonic();
  /** How many calls there were, by outcome. */
  readonly #tries = new Map<DeliveryState, number>();
  #disabled = 0;
  readonly #loop;
  readonly #tryToSend;

  constructor(options: SenderOptions) {
    const { log } = options;
    this.#options = options;
    this.#tryToSend = notifyOfFirst(
      (err) => log.warn({ err }, SEND_FAILS),
      () => this.#loop.signal.aborted,
    );
    this.#loop = startLoop({
      act: () => this.#sendDue(),
      retryMs: RETRY_MS,
      onFailure: (err) => log.warn({ err }, CLAIM_FAILS),
    });
  }

  readonly figures: readonly Figure[] = [
    {
      name: "webhook_tries_total",
      help: "Calls of webhooks, by outcome.",
      label: "state",
      read: () => this.#tries,
    },
    {
      name: "webhooks_disabled_total",
      help: "Webhooks disabled as they failed.",
      read: () => this.#disabled,
    },
  ];

  /** Notifies the sender that something is due. */
  readonly wake = (): void => this.#loop.wake();

  /** Cuts off the calls under way; they are made again. */
  async close(): Promise<void> {
    const closed = this.#loop.close();
    this.#calls.close(LISTED_AGAIN);
    await closed;
    await Promise.allSettled(this.#underWay.values());
  }

  /** Begins what is due, or lets it wait; resolves with how long to rest. */
  async #sendDue(): Promise<number> {
    await this.#sweep();
    const { due, next, hasMore } = await this.#options.claims.listDue(this.#dueAfter);
    this.#dueAfter = next;
    for (const { webhookId } of due) if (!this.#underWay.has(webhookId)) this.#begin(webhookId);
    // The rest of a long walk comes sooner.
    return hasMore ? MAX_REST_MS / 5 : MAX_REST_MS;
  }

  #begin(webhookId: string): void {
    const send = () => this.#tryToSend(() => this.#send(webhookId));
    const sending = this.#calls
      .run(send)
      // What fails here comes due again when its claim ends.
      .catch(() => false)
      .then((hasMore) => {
        this.#underWay.delete(webhookId);
        if (hasMore && !this.#loop.signal.aborted) this.#begin(webhookId);
      });
    this.#underWay.set(webhookId, sending);
  }

  async #sweep(): Promise<void> {
    if (clock.monotonic() - this.#sweptAt < BETWEEN_SWEEPS_MS) return;
    this.#sweptAt = clock.monotonic();
    this.#unusedAfter = await this.#options.claims.deleteUnused(this.#unusedAfter);
  }

  /** Sends what is due, one after the other for as long as its turn lasts; resolves with whether more is. */
  async #send(webhookId: string): Promise<boolean> {
    const { claims, toMessages, log } = this.#options;
    const { claimed, hasMore } = await claims.claim(webhookId);
    const [claim] = claimed;
    if (claim === undefined) return hasMore;
    const bodies = await toMessages(claimed).catch(async (error: unknown) => {
      await claims.giveUp(claim);
      throw error;
    });
    const endsAt = clock.monotonic() + MAX_TURN_MS;
    const tried: TriedDelivery[] = [];
    for (const [index, one] of claimed.entries()) {
      if (this.#loop.signal.aborted || clock.monotonic() > endsAt) break;
      const body = bodies[index] ?? null;
      const made = body === null ? null : await this.#call(one, body);
      if (made !== null) tried.push(made);
      // The others would use up their tries with a server that wants no more, or not yet.
      if (made !== null && (made.isGone || made.restMs > 0)) break;
    }
    const [first, ...others] = tried;
    if (first === undefined) {
      await claims.giveUp(claim);
      return false;
    }
    const reason = await claims.settle([first, ...others]);
    for (const { state } of tried) this.#tries.set(state, (this.#tries.get(state) ?? 0) + 1);
    if (reason === null) return hasMore || tried.length < claimed.length;
    this.#disabled += 1;
    log.warn({ webhookId, reason }, DISABLED);
    return false;
  }

  /** Null when it was cut off. */
  async #call(claimed: ClaimedWebhook, body: string): Promise<TriedDelivery | null> {
    const { signal } = this.#loop;
    const { delivery, secrets, url } = claimed;
    const at = clock.now();
    const since = clock.monotonic();
    const signed = { id: delivery.id, body, seconds: Math.floor(at / 1_000) };
    const headers = toHeaders(signed, secrets);
    const answer = await this.#options.post(url, { body, headers, signal });
    const { status, failure, retryAfterMs } = answer;
    if (status === null && signal.aborted) return null;
    const durationMs = Math.round(clock.monotonic() - since);
    const made = { at, status, durationMs, ...(failure && { failure }) };
    if (status !== null && status >= 200 && status < 300)
      return { claimed, state: "DELIVERED", made, retryMs: null, restMs: 0, isGone: false };
    const isGone = status === 410;
    // Mutant: a failed delivery that is not made again
    const retryMs = isGone ? null : toRetryMs(delivery.attempts, chance.random(), retryAfterMs);
    const state = retryMs === null ? "FAILED" : "PENDING";
    return { claimed, state, made, retryMs, restMs: toRestMs(status, retryAfterMs), isGone };
  }
}

/** Rejects what may not wait any more: it stays due. */
const LISTED_AGAIN = new Error("It is listed again.");

const CLAIM_FAILS =
  "Deliveries to webhooks can't be claimed; the gateway tries again. Check the database.";
const SEND_FAILS =
  "Deliveries to webhooks can't be made or stored; the gateway tries again. Check the database.";
const DISABLED =
  "A webhook was disabled. Tell its owner the reason, and that it can be enabled again once that is fixed.";
