import { createHash } from "node:crypto";
import { Socket } from "node:net";

import { type Kysely, sql } from "kysely";
import type { Logger } from "pino";
import { z } from "zod";

import { SetupError } from "../../runtime/coded-error.ts";
import { chance, clock } from "../../runtime/environment.ts";
import { notifyOfFirst, sleepFor } from "../../runtime/loop.ts";
import { SHARE_DATABASE } from "./database.ts";
import type { Tables } from "./tables.ts";

/** The topic of everybody's jobs; others are a job's id and an owner's mark. */
const EVERYBODY = "*";

/** Each topic is read again so often, in one of so many turns: the topics of one turn share their statements. */
const REPEAT_MS = 15_000;
const TURNS = 15;
const EARLIEST_TURN = 7;

/** Who listens to a topic, and the turn in which it is read again. */
type Topic = { readonly turn: number; readonly listeners: Set<Listener> };
// An object each, so that one function may listen twice and leave once.
type Listener = { readonly wake: () => void };

/**
 * Notifies watchers that they have to read again. This one wakes those of its own process, which is all that the gateway
 * of a SQLite file needs. A lost wake-up costs 15 s.
 */
export class WakeUps {
  readonly #topics = new Map<string, Topic>();
  #opened = 0;
  #turn = 0;
  #stopTimer: (() => void) | undefined;

  /** Wakes at each change of a job, and every 15 s since word may be lost. Returns how to stop that. */
  subscribeToJob(jobId: string, wake: () => void): () => void {
    return this.#listen(jobId, wake);
  }

  /** The same for all jobs of an owner, or of everybody. */
  subscribe(ownerId: string | undefined, wake: () => void): () => void {
    return this.#listen(ownerId === undefined ? EVERYBODY : toMark(ownerId), wake);
  }

  /** Rejects with a `SetupError` while other gateways use the database with other parts than this one. */
  async check(): Promise<void> {}

  /** Call it after the commit. With an owner it wakes who watches the feed, too. */
  announce(jobId: string, ownerId?: string): void {
    this.wake(toTopics(jobId, ownerId));
  }

  /** Without topics everybody, as nobody knows what changed. */
  protected wake(topics: readonly string[] = [...this.#topics.keys()]): void {
    for (const name of topics) {
      // Over a copy: listeners may leave and join meanwhile.
      for (const { wake } of [...(this.#topics.get(name)?.listeners ?? [])]) wake();
    }
  }

  /** Drops what is not sent yet. */
  async close(): Promise<void> {
    this.#topics.clear();
    this.#rest();
  }

  #listen(name: string, wake: () => void): () => void {
    const { listeners } = this.#topics.get(name) ?? this.#open(name);
    const listener = { wake };
    listeners.add(listener);
    return () => {
      if (listeners.delete(listener) && listeners.size === 0) this.#topics.delete(name);
      if (this.#topics.size === 0) this.#rest();
    };
  }

  #open(name: string): Topic {
    // Not the next turns: a new subscriber has just read.
    const later = EARLIEST_TURN + (this.#opened++ % (TURNS - EARLIEST_TURN));
    const topic = { turn: (this.#turn + later) % TURNS, listeners: new Set<Listener>() };
    this.#topics.set(name, topic);
    this.#stopTimer ??= clock.repeat(() => this.#repeat(), REPEAT_MS / TURNS);
    return topic;
  }

  #repeat(): void {
    const topics = [...this.#topics].filter(([, { turn }]) => turn === this.#turn);
    this.wake(topics.map(([name]) => name));
    this.#turn = (this.#turn + 1) % TURNS;
  }

  #rest(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}

function toTopics(jobId: string, ownerId: string | undefined): readonly string[] {
  return ownerId === undefined ? [jobId] : [jobId, toMark(ownerId), EVERYBODY];
}

/** Short, so that many fit into a message; two owners of one mark would only wake each other's watchers. */
function toMark(ownerId: string): string {
  return `@${createHash("sha256").update(ownerId).digest("base64url").slice(0, 12)}`;
}

const CHANNEL = "runcomfy_gateway";
const BETWEEN_MESSAGES_MS = 200;

/** Postgres refuses a payload of 8,000 bytes; what surrounds the topics takes less than a hundred. */
const MAX_BYTES_OF_TOPICS = 7_800;
/** Far more than fit into a message. */
const MAX_PENDING = 1_000;

const MIN_BACK_OFF_MS = 500;
const MAX_BACK_OFF_MS = 5_000;

/** From gateway `g`: these topics (`t`), or any (`all`), have news. A later version may add members. */
const Message = z.object({
  g: z.string(),
  t: z.array(z.string()).optional(),
  all: z.boolean().optional(),
});

type Dependencies = {
  readonly databaseUrl: string;
  readonly queries: Kysely<Tables>;
  /** How often the listening connection has to answer; each answer may take three fifths of that. */
  readonly heartbeatMs: number;
  /** Called whenever the connection has come to share the lock of gateways. Rejects with a `SetupError`. */
  readonly checkShared: () => Promise<void>;
  readonly log: Logger;
};

/**
 * Those of gateways that share a Postgres. Resolves once the first attempt to listen has succeeded or failed: the
 * connection is reopened, with back-off, when it ends, or when a heartbeat finds that it does not answer. Rejects as
 * `checkShared` does.
 */
export async function startWakeUps(dependencies: Dependencies): Promise<WakeUps> {
  const wakeUps = new SharedWakeUps(dependencies);
  await wakeUps.tried;
  try {
    await wakeUps.check();
  } catch (error) {
    await wakeUps.close();
    throw error;
  }
  return wakeUps;
}

class SharedWakeUps extends WakeUps {
  readonly #given: Dependencies;
  readonly #gatewayId = chance.uuid();
  readonly #pending = new Set<string>();
  readonly #closing = new AbortController();
  readonly #attemptToSend: ReturnType<typeof notifyOfFirst>;
  readonly #firstTry = Promise.withResolvers<void>();
  readonly #ended: Promise<void>;
  #isSending = false;
  /** How often in a row the connection was lost before it had answered a heartbeat. */
  #losses = 0;
  /** Why the database can't be shared. */
  #refusal: SetupError | null = null;

  constructor(dependencies: Dependencies) {
    super();
    this.#given = dependencies;
    this.#attemptToSend = notifyOfFirst((err) => this.#warn(err, UNSENT));
    this.#ended = this.#keepListening();
  }

  get tried(): Promise<void> {
    return this.#firstTry.promise;
  }

  override async check(): Promise<void> {
    if (this.#refusal !== null) throw this.#refusal;
  }

  override announce(jobId: string, ownerId?: string): void {
    super.announce(jobId, ownerId);
    for (const topic of toTopics(jobId, ownerId)) {
      if (this.#pending.size < MAX_PENDING) this.#pending.add(topic);
    }
    if (!this.#isSending) void this.#sendPending();
  }

  override async close(): Promise<void> {
    this.#closing.abort();
    await super.close();
    await this.#ended;
  }

  /** What a close cut off is no outage. */
  #warn(err: unknown, message: string): void {
    if (!this.#closing.signal.aborted) this.#given.log.warn({ err }, message);
  }

  /** The first change at once, then one message per interval with all that came meanwhile. */
  async #sendPending(): Promise<void> {
    const { signal } = this.#closing;
    this.#isSending = true;
    while (!signal.aborted && this.#pending.size > 0) {
      const topics = [...this.#pending];
      this.#pending.clear();
      const sending = this.#attemptToSend(() => this.#send(topics)).catch(() => undefined);
      await Promise.all([sending, sleepFor(BETWEEN_MESSAGES_MS, signal)]);
    }
    this.#isSending = false;
  }

  /** More topics than a message holds become "any". */
  async #send(topics: readonly string[]): Promise<void> {
    const bytes = Buffer.byteLength(JSON.stringify(topics));
    const isAll = topics.length === MAX_PENDING || bytes > MAX_BYTES_OF_TOPICS;
    const news = isAll ? { all: true } : { t: topics };
    const payload = JSON.stringify({ g: this.#gatewayId, ...news });
    await sql`select pg_notify(${CHANNEL}, ${payload})`.execute(this.#given.queries);
  }

  #receive(payload: string): void {
    const message = readMessage(payload);
    if (message === null || message.g === this.#gatewayId) return;
    if (message.all === true) this.wake();
    this.wake(message.t ?? []);
  }

  async #keepListening(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#listenUntilLost();
      } catch (error) {
        const isRefused = error instanceof SetupError;
        if (this.#losses === 0 || (isRefused && this.#refusal === null)) this.#warn(error, LOST);
        if (isRefused) this.#refusal = error;
        this.#losses += 1;
      }
      this.#firstTry.resolve();
      const backOffMs = Math.min(MAX_BACK_OFF_MS, MIN_BACK_OFF_MS * 2 ** (this.#losses - 1));
      await sleepFor(backOffMs * (0.5 + chance.random() / 2), signal);
    }
  }

  /** Rejects when the connection is lost or closed. */
  async #listenUntilLost(): Promise<never> {
    const { databaseUrl, heartbeatMs, log } = this.#given;
    const { signal: closing } = this.#closing;
    const { default: pg } = await import("pg");
    closing.throwIfAborted();
    // A socket of our own, because to end a client waits for an answer, which a dead connection never gives.
    const socket = new Socket();
    const stopping = new AbortController();
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: "runcomfy-graphql wake-ups",
      connectionTimeoutMillis: 5_000,
      query_timeout: heartbeatMs * 0.6,
      keepAlive: true,
      stream: () => socket,
    });
    const stop = () => {
      socket.destroy();
      stopping.abort(new Error("the connection ended"));
    };
    client.on("error", (error) => stopping.abort(error));
    client.on("end", stop);
    client.on("notification", ({ payload = "" }) => this.#receive(payload));
    closing.addEventListener("abort", stop);
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      await client.query(SHARE_DATABASE);
      await this.#given.checkShared();
      this.#refusal = null;
      if (this.#losses > 0) log.info("Other gateways' notifications arrive again.");
      // What was sent before is lost.
      this.wake();
      this.#firstTry.resolve();
      for (;;) {
        await sleepFor(heartbeatMs, stopping.signal);
        stopping.signal.throwIfAborted();
        await client.query("select 1");
        this.#losses = 0;
      }
    } finally {
      closing.removeEventListener("abort", stop);
      socket.destroy();
    }
  }
}

const UNSENT =
  "Other gateways can't be notified of changes and see them at their next re-read. Check the database if this lasts.";
const LOST =
  "The connection for other gateways' notifications was lost and is being reopened. Until then their changes show up to 15 s late. Check the database if this lasts.";

function readMessage(payload: string): z.infer<typeof Message> | null {
  try {
    return Message.parse(JSON.parse(payload));
  } catch {
    // Anybody may write to the channel.
    return null;
  }
}
