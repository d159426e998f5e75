import { DatabaseSync, type StatementSync } from "node:sqlite";

import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  sql,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Logger } from "pino";

import { Semaphore } from "../../src/runtime/semaphore.ts";
import { type Channels, createChannels } from "../../src/engine/diagnostics/channels.ts";
import { type Database, type Dialect, SQLITE } from "../../src/engine/store/database.ts";
import { DatabaseUnreachableError } from "../../src/engine/store/database-error.ts";
import { createJobStore, type JobStore } from "../../src/engine/store/job-store.ts";
import { migrate } from "../../src/engine/store/migrate.ts";
import { openSqlite } from "../../src/engine/store/open-sqlite.ts";
import { createPollTriggers, POLL_TABLE } from "../../src/engine/store/polls.ts";
import type { Tables } from "../../src/engine/store/tables.ts";
import { WakeUps } from "../../src/engine/store/wake-ups.ts";
import { SimulatedProcess, type World } from "./world.ts";
import { PART_TABLES } from "../support/part-tables.ts";
import { AT_ONCE } from "./deployments.ts";
import { HELD_CHECKS } from "./held-checks.ts";

export type OpenStore = (options: {
  readonly process: SimulatedProcess;
  readonly upstream: string;
  readonly channels: Channels;
  readonly log: Logger;
}) => Promise<JobStore>;

/** Of a table, by its columns' names. */
export type Row = Readonly<Record<string, string | number | null>>;

let count = 0;

/** What the simulation itself keeps: when jobs ended, versions that do not follow each other, and jobs above a limit. */
const CHECKS = `
  create table simulated_ends (job_id text primary key, at real not null);
  create table simulated_leaps (job_id text not null, old integer not null, new integer not null);
  create trigger simulated_end after update of status on jobs when new.finished_at is not null begin
    insert or ignore into simulated_ends values (new.id, world_ms());
  end;
  create trigger simulated_leap after update of version on jobs
    when new.version <> old.version + 1 begin
      insert into simulated_leaps values (new.id, old.version, new.version);
    end;
  create table simulated_limits (owner_id text primary key, in_flight integer not null);
  create table simulated_excess (job_id text not null, in_flight integer not null);
  ${limitAfter("insert", "new.status <> 'HELD'")};
  ${limitAfter("update of status", "old.status = 'HELD' and new.status = 'SUBMITTING'")}`;

function limitAfter(change: string, when: string): string {
  return `create trigger simulated_limit_${change.slice(0, 6)} after ${change} on jobs
    when ${when} and new.owner_id in (select owner_id from simulated_limits) begin
      insert into simulated_excess
        select new.id, count(*) from jobs
        where owner_id = new.owner_id and finished_at is null and detached_since is null
          and upstream is new.upstream and status <> 'HELD'
        having count(*) > (select in_flight from simulated_limits where owner_id = new.owner_id);
    end`;
}

/** What is there from the beginning. */
type Given = {
  /** Limits by owner. */
  readonly mostInFlight?: Readonly<Record<string, number>>;
  /** Statements that write what parts have. */
  readonly ofParts?: string;
};

function setUp(sqlite: DatabaseSync, { mostInFlight = {}, ofParts = "" }: Given): void {
  sqlite.exec(CHECKS);
  sqlite.exec(HELD_CHECKS);
  const most = sqlite.prepare("insert into simulated_most values (?, ?)");
  for (const [deploymentId, count] of AT_ONCE) most.run(deploymentId, count);
  const limit = sqlite.prepare("insert into simulated_limits values (?, ?)");
  for (const [ownerId, most] of Object.entries(mostInFlight)) limit.run(ownerId, most);
  sqlite.exec(ofParts);
}

/** The file of one gateway, as long as `close` is not called: a killed process lets go of it, and the next one opens it. */
export function createFile(world: World) {
  const address = `file:/simulation-${++count}?vfs=memdb`;
  const kept = new DatabaseSync(address);
  kept.function("world_ms", () => world.nowMs);
  const open: OpenStore = async ({ process, upstream, channels, log }) => {
    const database = await openSqlite(":memory:", {
      upstream,
      parts: PART_TABLES,
      channels,
      log,
      connectTo: () => connect(address, process),
    });
    return createJobStore({ database, changes: new WakeUps(), channels });
  };
  return {
    open,
    /** Makes the tables. */
    async start(log: Logger, given: Given): Promise<void> {
      const process = new SimulatedProcess(world, "first start");
      const store = await process.run(() =>
        open({ process, upstream: "", channels: createChannels(), log }),
      );
      await store.close();
      process.kill();
      setUp(kept, given);
    },
    /** What is committed, past the gateway. */
    read: (text: string): Row[] => toRows(kept.prepare(text)),
    close: () => kept.close(),
  };
}

/** A connection that dies with its process, in the middle of a transaction if that is so. */
function connect(address: string, process: SimulatedProcess): DatabaseSync {
  const sqlite = new DatabaseSync(address, { timeout: 0 });
  takeTimeFrom(sqlite, process);
  const prepare = sqlite.prepare.bind(sqlite);
  const checkAlive = (): void => {
    process.step();
    if (process.isDead) throw new Error("The process is dead.");
  };
  sqlite.prepare = (text) => {
    const statement = prepare(text);
    const { all, run } = statement;
    return Object.assign(statement, {
      all(...parameters: Parameters<typeof all>) {
        checkAlive();
        return all.apply(statement, parameters);
      },
      run(...parameters: Parameters<typeof run>) {
        checkAlive();
        return run.apply(statement, parameters);
      },
    });
  };
  void process.death.then(() => sqlite.isOpen && sqlite.close());
  return sqlite;
}

/** In place of SQLite's own clock and chance. */
function takeTimeFrom(
  sqlite: DatabaseSync,
  { environment, chance, world }: SimulatedProcess,
  now = () => environment.clock.now(),
): void {
  // Half a millisecond keeps the product of seconds and 1,000 from being cut to the one before.
  const toSeconds = (): number => (now() + 0.5) / 1_000;
  // Within a statement time stands still.
  sqlite.function("unixepoch", { varargs: true, deterministic: true }, toSeconds);
  sqlite.function("world_ms", () => world.nowMs);
  sqlite.function("random", () => chance.random());
  sqlite.function("randomblob", (length) => chance.bytes(Number(length)));
}

/**
 * A database that several gateways share: one SQLite in memory, behind a network. Statements and transactions follow each
 * other; what a process had open when it died is rolled back.
 */
export class DatabaseServer {
  readonly process: SimulatedProcess;
  readonly #sqlite = new DatabaseSync(":memory:");
  readonly #prepared = new Map<string, Prepared>();
  /** Whose transaction is open. */
  #holder: Session | null = null;
  #queue: { readonly session: Session; readonly run: () => void }[] = [];
  readonly #stores = new Map<SimulatedProcess, FleetWakeUps>();
  /** It refuses and ends all connections until then. */
  #awayUntilMs = 0;
  /** Until then, each statement takes up to so long, and the answers to so many are lost. */
  #slowUntilMs = 0;
  #slowMs = 0;
  #lossyUntilMs = 0;
  #loss = 0;

  /** `now` is in milliseconds since 1970. */
  constructor(world: World, now?: () => number) {
    this.process = new SimulatedProcess(world, "database");
    takeTimeFrom(this.#sqlite, this.process, now);
    this.#sqlite.function("poll_ms", { deterministic: true }, () => Math.floor(world.nowMs));
  }

  /** Makes the tables. */
  async start(log: Logger, given: Given = {}): Promise<void> {
    const database = this.openWithoutNetwork();
    const { queries } = database;
    await migrate(database, PART_TABLES, log);
    for (const statement of [...POLLS, ...createPollTriggers(database)])
      await statement.execute(queries);
    setUp(this.#sqlite, given);
  }

  readonly open: OpenStore = async ({ process, upstream, channels }) => {
    const queries = createQueries(process, (session, query) => this.#send(process, session, query));
    const changes = new FleetWakeUps((jobId, ownerId) =>
      this.#notifyOthers(process, jobId, ownerId),
    );
    this.#stores.set(process, changes);
    void process.death.then(() => {
      this.#stores.delete(process);
      this.#endSessions((session) => session.process === process);
    });
    return createJobStore({ database: this.#toDatabase(upstream, queries), changes, channels });
  };

  /** As no process has it: nothing takes time, and nothing is lost. */
  openWithoutNetwork(channels = createChannels()): Database {
    const queries = createQueries(null, (session, query) => {
      channels.sql.publish(query.sql);
      const { promise, resolve, reject } = Promise.withResolvers<QueryResult<unknown>>();
      this.#inTurn(session, () => {
        try {
          resolve(this.#execute(session, query));
        } catch (error) {
          reject(error);
        }
      });
      return promise;
    });
    return this.#toDatabase("", queries);
  }

  /** Frees its memory: SQLite holds on to functions, and they to all of the world. */
  close(): void {
    this.#sqlite.close();
  }

  /** Past all gateways. */
  execute(statements: string): void {
    this.#sqlite.exec(statements);
  }

  /** What is committed, past all gateways. */
  read(text: string): Row[] {
    return toRows(this.#prepare(text).statement);
  }

  /** Acts once no transaction is open: until then `read` sees a part of it. */
  whenCommitted(act: () => void): void {
    this.#inTurn(new Session(null), act);
  }

  goAway(ms: number): void {
    this.process.world.note("database is away for", Math.round(ms));
    this.#awayUntilMs = this.process.world.nowMs + ms;
    this.#endSessions(() => true);
  }

  beSlow(ms: number, slowMs: number): void {
    this.process.world.note("database is slow for", Math.round(ms));
    this.#slowUntilMs = this.process.world.nowMs + ms;
    this.#slowMs = slowMs;
  }

  loseAnswers(ms: number, part: number): void {
    this.process.world.note("database loses answers for", Math.round(ms));
    this.#lossyUntilMs = this.process.world.nowMs + ms;
    this.#loss = part;
  }

  /** Runs a statement in its turn. Rejects as `pg` does once its errors were read. */
  async #send(
    process: SimulatedProcess,
    session: Session,
    query: CompiledQuery,
  ): Promise<QueryResult<unknown>> {
    const { world, chance } = this.process;
    const { promise, resolve, reject } = Promise.withResolvers<QueryResult<unknown>>();
    if (process.isDead) return await promise;
    process.step();
    const stopWaiting = world.schedule(process, PATIENCE_MS, () => reject(away("query timeout")));
    const answer = (ms: number, settle: () => void): void =>
      void world.schedule(process, ms, () => {
        stopWaiting();
        settle();
      });
    const fail = (why: string, ms: number): void => answer(ms, () => reject(away(why)));
    if (process.isCutFromDatabase) {
      fail("cut off", chance.integer(1, 5_000));
      return await promise;
    }
    world.schedule(this.process, this.#latency(), () => {
      if (this.#isUnreachable || session.isOver) return fail("refused", 1);
      this.#inTurn(session, () => {
        if (session.isOver) return fail("ended", 1);
        let outcome: () => void;
        try {
          const result = this.#execute(session, query);
          outcome = () => resolve(result);
        } catch (error) {
          outcome = () => reject(error);
        }
        if (world.nowMs < this.#lossyUntilMs && chance.happens(this.#loss)) {
          this.#endSessions((one) => one === session);
          fail("answer lost", chance.integer(1, 2_000));
        } else answer(this.#latency(), outcome);
      });
    });
    return await promise;
  }

  get #isUnreachable(): boolean {
    return this.process.world.nowMs < this.#awayUntilMs;
  }

  #latency(): number {
    const { world, chance } = this.process;
    const usual = 0.1 + chance.random();
    return world.nowMs < this.#slowUntilMs ? usual + chance.random() * this.#slowMs : usual;
  }

  #inTurn(session: Session, run: () => void): void {
    if (this.#holder === null || this.#holder === session) run();
    else this.#queue.push({ session, run });
  }

  #execute(session: Session, query: CompiledQuery): QueryResult<unknown> {
    const text = query.sql;
    if (text === "begin") this.#hold(session);
    const { statement, reads } = this.#prepare(text);
    const parameters = query.parameters.map(toParameter);
    try {
      if (!reads) {
        const { changes } = statement.run(...parameters);
        return { rows: [], numAffectedRows: BigInt(changes) };
      }
      return { rows: statement.all(...parameters) };
    } finally {
      if (text === "commit" || text === "rollback") this.#letGo();
    }
  }

  #prepare(text: string): Prepared {
    let prepared = this.#prepared.get(text);
    if (prepared === undefined) {
      const statement = this.#sqlite.prepare(text);
      prepared = { statement, reads: statement.columns().length > 0 };
      this.#prepared.set(text, prepared);
    }
    return prepared;
  }

  #hold(session: Session): void {
    this.#holder = session;
    // As `idle_in_transaction_session_timeout` does.
    this.process.world.schedule(this.process, IDLE_MS, () => {
      if (this.#holder === session) this.#endSessions((one) => one === session);
    });
  }

  #letGo(): void {
    this.#holder = null;
    const waiting = this.#queue;
    this.#queue = [];
    for (const { session, run } of waiting) this.#inTurn(session, run);
  }

  #endSessions(isMeant: (session: Session) => boolean): void {
    for (const { session } of this.#queue) if (isMeant(session)) session.isOver = true;
    if (this.#holder === null || !isMeant(this.#holder)) return;
    this.#holder.isOver = true;
    this.#sqlite.exec("rollback");
    this.#letGo();
  }

  /** News may come late, or never. */
  #notifyOthers(sender: SimulatedProcess, jobId: string, ownerId: string | undefined): void {
    const { world, chance } = this.process;
    for (const [process, wakeUps] of this.#stores) {
      if (process === sender || chance.happens(LOST_NEWS)) continue;
      world.schedule(process, 1 + chance.random() * 200, () => wakeUps.receive(jobId, ownerId));
    }
  }

  #toDatabase(upstream: string, queries: Kysely<Tables>): Database {
    const write: Database["write"] = (statements) => queries.transaction().execute(statements);
    return {
      ...SHARED,
      upstream,
      queries,
      write,
      writeOne: (statement) => statement(queries),
      ownerWrites: new Semaphore({ atOnce: 4, maxWaiting: Infinity }),
      reads: queries,
      pollMs: sql`poll_ms()`,
      pollQueries: queries,
      checkDisk: async () => undefined,
      ping: async () => void (await sql`select 1`.execute(queries)),
      hangUp: () => undefined,
      close: () => queries.destroy(),
    };
  }
}

type Prepared = { readonly statement: StatementSync; readonly reads: boolean };

const PATIENCE_MS = 15_000;
const IDLE_MS = 10_000;
const LOST_NEWS = 0.05;

/** What SQLite says of a table of polls that all gateways share. */
const SHARED: Dialect = {
  ...SQLITE,
  isShared: true,
  createTrigger: (trigger) => SQLITE.createTrigger({ ...trigger, isTemporary: false }),
};

const POLLS = [
  sql`create table ${POLL_TABLE}`,
  sql`create index polls_by_due on polls (upstream, due_at, deployment_id)`,
];

/** A connection of a process; over once the server has ended it. */
class Session {
  readonly process: SimulatedProcess | null;
  isOver = false;

  constructor(process: SimulatedProcess | null) {
    this.process = process;
  }
}

/** Kysely knows of each query what its rows are. */
// oxlint-disable-next-line typescript/no-explicit-any
type Send = (session: Session, query: CompiledQuery) => Promise<QueryResult<any>>;

function createQueries(process: SimulatedProcess | null, send: Send): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => createDriver(process, send),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** Each transaction, and each statement outside of one, has a connection of its own. */
function createDriver(process: SimulatedProcess | null, send: Send): Driver {
  const run = async (connection: DatabaseConnection, text: string): Promise<void> =>
    void (await connection.executeQuery(CompiledQuery.raw(text)));
  return {
    init: async () => undefined,
    destroy: async () => undefined,
    releaseConnection: async () => undefined,
    async acquireConnection() {
      const session = new Session(process);
      return {
        executeQuery: (query: CompiledQuery) => send(session, query),
        streamQuery() {
          throw new Error("Nothing is streamed here.");
        },
      };
    },
    beginTransaction: (connection) => run(connection, "begin"),
    commitTransaction: (connection) => run(connection, "commit"),
    // Where the connection has ended, the server has done so already.
    rollbackTransaction: (connection) => run(connection, "rollback").catch(() => undefined),
  };
}

class FleetWakeUps extends WakeUps {
  readonly #notifyOthers: WakeUps["announce"];

  constructor(notifyOthers: WakeUps["announce"]) {
    super();
    this.#notifyOthers = notifyOthers;
  }

  override announce(jobId: string, ownerId?: string): void {
    super.announce(jobId, ownerId);
    this.#notifyOthers(jobId, ownerId);
  }

  /** Another gateway has announced it. */
  receive(jobId: string, ownerId?: string): void {
    super.announce(jobId, ownerId);
  }
}

function toRows(statement: StatementSync): Row[] {
  const rows = statement.all();
  if (!rows.every(isRow)) throw new TypeError("The simulation reads texts and numbers alone.");
  return rows;
}

function isRow(row: Readonly<Record<string, unknown>>): row is Row {
  return Object.values(row).every(
    (value) => value === null || typeof value === "string" || typeof value === "number",
  );
}

function toParameter(value: unknown): string | number | null {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  throw new TypeError(`a ${typeof value} can't be bound`);
}

function away(why: string): DatabaseUnreachableError {
  return new DatabaseUnreachableError({ cause: new Error(`the database is away: ${why}`) });
}
