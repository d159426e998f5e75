import type { RawWebSocket } from "../test/attacks/raw-web-socket.ts";
import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";

/** What a program that attacks gets: the keys of two owners. */
export type AttackOptions = { readonly url: string; readonly keys: readonly string[] };

export type AttackRow = {
  /** What one owner does. */
  readonly what: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether others' files are measured too. */
  readonly hasFiles?: boolean;
  /** Whether each of its jobs is compared with what the upstream was sent. */
  readonly countsSubmits?: boolean;
  /** Writes what it needs into a database that no gateway has open. */
  readonly seed?: (
    databaseUrl: string,
    filesUrl: string,
    upstream: FaultyUpstream,
  ) => Promise<void>;
  readonly setUpstream?: (upstream: FaultyUpstream) => void;
  /** Runs in a process of its own, until that is killed. */
  readonly attack: (attacker: Attacker) => Promise<unknown>;
};

/** What an attack is made with. */
export type Attacker = AttackOptions & {
  readonly port: number;
  /** Posts to GraphQL as the greedy owner, or with another key, and counts what comes of it. */
  ask(body: string, key?: string): Promise<string>;
  /** The same; ends the program where the document is not valid, as that is no attack. */
  post(body: string, key?: string): Promise<string>;
  /** Counts what comes of any other request. */
  count(sending: Promise<string>): Promise<string>;
  /** Posts anything; rejects unless the answer is a 200. */
  send(url: string, body: string, headers: Record<string, string>): Promise<string>;
  /** Does it again and again, even if it fails, as often at once as there are lanes; each lane gets its number. */
  repeat(lanes: number, act: (lane: number) => Promise<unknown>): Promise<void>;
  /** Opens a socket as the greedy owner. */
  openSocket(): Promise<RawWebSocket>;
};
