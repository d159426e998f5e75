import type { BaseLogger } from "pino";

import type { Channels } from "../diagnostics/channels.ts";
import { toRestMs, toRetryMs } from "../job/webhook.ts";
import { chance, clock } from "../runtime/environment.ts";
import { notifyOfFirst, startLoop } from "../runtime/loop.ts";
import { Queue, type Release } from "../runtime/queue.ts";
import { type DueWebhook, FROM_START } from "../store/due-webhooks.ts";
import type { ClaimedWebhook, TriedDelivery, WebhookClaims } from "../store/webhook-claims.ts";
import type { Post } from "./post.ts";
import { toHeaders } from "./signature.ts";

/**
 * A gateway calls so many webhooks at once: of all whose last try failed a quarter, and so many of one owner while others
 * wait. While nobody does, an owner may have more, but a quarter stays free for others who come meanwhile.
 */
const MAX_AT_ONCE = 64;
const MAX_SHARE = MAX_AT_ONCE / 4;
const MAX_ALONE = MAX_AT_ONCE - MAX_SHARE;
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
  readonly channels: Pick<Channels, "delivered" | "disabled">;
  readonly log: BaseLogger;
};

/**
 * Calls webhooks, each with one delivery at a time. What a gateway that dies has claimed comes due again, so a delivery may
 * be made twice, but none is lost.
 */
export class WebhookSender {
  readonly #options: SenderOptions;
  readonly #closing = new AbortController();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #owners = new Queue({ total: MAX_AT_ONCE });
  readonly #failing = new Queue({ total: MAX_SHARE });
  /** After which webhooks to go on with what is due, and with what is to be deleted. */
  #dueAfter = FROM_START;
  #unusedAfter = "";
  /** Whether some wait for others to end. */
  #isFull = false;
  #sweptAt = clock.monotonic();
  readonly #loop;
  readonly #tryToSend;

  constructor(options: SenderOptions) {
    const { log } = options;
    const { signal } = this.#closing;
    this.#options = options;
    this.#tryToSend = notifyOfFirst(
      (err) => log.warn({ err }, SEND_FAILS),
      () => signal.aborted,
    );
    this.#loop = startLoop({
      act: () => this.#sendDue(),
      signal,
      retryMs: RETRY_MS,
      onFailure: (err) => log.warn({ err }, CLAIM_FAILS),
    });
  }

  /** Notifies the sender that something is due. */
  readonly wake = (): void => this.#loop.wake();

  /** Cuts off the calls under way; they are made again. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#loop.ended;
    await Promise.allSettled(this.#underWay.values());
  }

  /** Begins what there is room for; resolves with how long to rest. */
  async #sendDue(): Promise<number> {
    await this.#sweep();
    if (this.#owners.count() === MAX_AT_ONCE) return MAX_REST_MS;
    const { due, next, hasMore } = await this.#options.claims.listDue(this.#dueAfter);
    this.#dueAfter = next;
    const isWaiting = ({ webhookId }: DueWebhook): boolean => !this.#underWay.has(webhookId);
    for (const one of due.filter(isWaiting)) this.#begin(one, false);
    const left = due.filter((one) => isWaiting(one) && !one.isFailing);
    // Whoever has its share already waits too.
    if (new Set(left.map(({ ownerId }) => ownerId)).size === 1)
      for (const one of left) this.#begin(one, true);
    this.#isFull = due.some(isWaiting);
    // The rest of a long walk comes sooner.
    return hasMore ? MAX_REST_MS / 5 : MAX_REST_MS;
  }

  /** Where there is room for it, within its owner's share or, if that is alone, beyond. */
  #begin({ webhookId, ownerId, isFailing }: DueWebhook, isAlone: boolean): void {
    const isWithin = this.#owners.count(ownerId) < MAX_SHARE;
    if (!isWithin && !(isAlone && this.#owners.count() < MAX_ALONE)) return;
    const releaseFailing = isFailing ? this.#failing.tryEnter("") : noRelease;
    const release = releaseFailing === null ? null : this.#owners.tryEnter(ownerId);
    const leave = (): void => {
      releaseFailing?.();
      release?.();
    };
    if (release === null) return leave();
    const sending = this.#tryToSend(() => this.#send(webhookId))
      // What fails here comes due again when its claim ends.
      .catch(() => false)
      .then((hasMore) => {
        leave();
        this.#underWay.delete(webhookId);
        if (hasMore || this.#isFull) this.wake();
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
    const { claims, toMessages, channels, log } = this.#options;
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
      if (this.#closing.signal.aborted || clock.monotonic() > endsAt) break;
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
    for (const { state } of tried) channels.delivered.publish(state);
    if (reason === null) return hasMore || tried.length < claimed.length;
    channels.disabled.publish(webhookId);
    log.warn({ webhookId, reason }, DISABLED);
    return false;
  }

  /** Null when it was cut off. */
  async #call(claimed: ClaimedWebhook, body: string): Promise<TriedDelivery | null> {
    const { signal } = this.#closing;
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
    const retryMs = isGone ? null : toRetryMs(delivery.attempts, chance.random(), retryAfterMs);
    const state = retryMs === null ? "FAILED" : "PENDING";
    return { claimed, state, made, retryMs, restMs: toRestMs(status, retryAfterMs), isGone };
  }
}

const noRelease: Release = () => undefined;

const CLAIM_FAILS =
  "Deliveries to webhooks can't be claimed; the gateway tries again. Check the database.";
const SEND_FAILS =
  "Deliveries to webhooks can't be made or written down; the gateway tries again. Check the database.";
const DISABLED =
  "A webhook was disabled. Tell its owner the reason, and that it can be enabled again once that is mended.";
