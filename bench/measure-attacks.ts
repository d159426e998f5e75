import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { startFaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import type { AttackOptions, AttackRow } from "./attack.ts";
import { ATTACK_ROWS } from "./attack-rows.ts";
import { startBenchPostgres } from "./bench-postgres.ts";
import { startGatewayProgram } from "./child-program.ts";
import { createKey } from "./create-key.ts";
import { FINISHED, storeFinishedJob } from "./example-job.ts";
import { quantile } from "./figure.ts";
import { openClient } from "./http-client.ts";
import type { Wait, WaitKind } from "./quiet-clients.ts";
import { startQuietClients } from "./quiet-clients.ts";
import { openUpload, send, toLocal } from "./send-file.ts";
import { within } from "./within.ts";

/** What SECURITY.md promises everybody else. */
const MAX_MIB = 1.3e9 / 1_048_576;
const P99_MS = 500;
const LONGEST_MS = 2_000;
const KINDS = ["job(id)", "new connections", "/health", "files"] as const;
const WARM_UP_MS = 2_000;
const MEMORY_POLL_MS = 50;
const ORIGIN = "https://gateway.example.com";
const DATABASES = ["sqlite", "postgres"] as const;

const SETTLE_MS = 10_000;

export type AttackSettings = {
  /** Names of rows; all where there are none. */
  readonly only: readonly string[];
  /** `sqlite` or `postgres`; both where it is undefined. */
  readonly database: string | undefined;
  readonly seconds: number;
  readonly onRow: (name: string) => void;
};

/** Says what is wrong with settings, or null. */
export function attackProblem({ only, database, seconds }: AttackSettings): string | null {
  const unknown = only.filter((name) => !Object.hasOwn(ATTACK_ROWS, name));
  if (unknown.length > 0)
    return `No attack is called ${unknown.join(", ")}. Name some of ${Object.keys(ATTACK_ROWS).join(", ")}.`;
  if (database !== undefined && !DATABASES.some((known) => known === database))
    return `No database is called ${database}. Name ${DATABASES.join(" or ")}.`;
  return seconds > 0 ? null : "--seconds must be a number above 0. Leave it out for 10.";
}

/** Prints a line for each attack: how long others wait, and what the process takes. False if one breaks the promise. */
export async function measureAttacks(folder: string, settings: AttackSettings): Promise<boolean> {
  const { only, database: wanted, onRow } = settings;
  await using stack = new AsyncDisposableStack();
  const postgres = wanted === "sqlite" ? null : stack.use(await startBenchPostgres());
  const names = Object.keys(ATTACK_ROWS).filter((name) => only.length === 0 || only.includes(name));
  console.log(toLine(["attack", "database", ...KINDS, "MiB", "outcome"]));
  console.log(toLine(["---", "---", "---:", "---:", "---:", "---:", "---:", "---"]));
  let isKept = true;
  for (const name of names) {
    for (const database of DATABASES.filter((one) => one === (wanted ?? one))) {
      onRow(name);
      const place = join(folder, `attacks-${name}-${database}`);
      const databaseUrl =
        (database === "postgres" && (await postgres?.createDatabase())) ||
        `file:${place}/gateway.db`;
      const row = ATTACK_ROWS[name];
      if (row === undefined) continue;
      const result = await measureRow(name, row, { place, databaseUrl, seconds: settings.seconds });
      isKept &&= result.isKept;
      console.log(toLine([`${name}: ${row.what}`, database, ...result.cells]));
    }
  }
  console.log(
    `\np50 / p99 / longest, in ms. In bold: p99 above ${P99_MS}, longest above ${LONGEST_MS}, memory above ${Math.round(MAX_MIB)} MiB, some refused, or jobs that were lost or sent twice. Who still waits counts with the time so far.`,
  );
  return isKept;
}

type Place = { readonly place: string; readonly databaseUrl: string; readonly seconds: number };

async function measureRow(name: string, row: AttackRow, { place, databaseUrl, seconds }: Place) {
  const keysFile = `${place}-keys.json`;
  const [quiet = "", ...keys] = await createKeys(keysFile);
  const filesUrl = `file:${place}/files`;
  await storeFinishedJob(databaseUrl, { ownerId: "quiet" });
  await using upstream = await startFaultyUpstream();
  await row.seed?.(databaseUrl, filesUrl, upstream);
  row.setUpstream?.(upstream);
  await using gateway = await startGatewayProgram(upstream, {
    AUTH: "api-keys",
    API_KEYS_FILE: keysFile,
    DATABASE_URL: databaseUrl,
    FILES_URL: filesUrl,
    PUBLIC_URL: ORIGIN,
    ...row.environment,
  });
  const { url } = gateway;
  using client = openClient(1);
  const file = row.hasFiles === true ? await shareFile(quiet) : null;
  await using clients = startQuietClients({
    url,
    authorization: `Bearer ${quiet}`,
    body: JSON.stringify({
      query: `{ job(id: "${FINISHED.job.id}") { id status version createdAt } }`,
    }),
    file,
  });
  await sleep(WARM_UP_MS);
  let memoryMib = 0;
  const watching = setInterval(() => {
    try {
      memoryMib = Math.max(memoryMib, gateway.readMemory());
    } catch {
      memoryMib = Infinity; // It has died.
    }
  }, MEMORY_POLL_MS);
  try {
    const attacker = await startAttacker(name, { url, keys });
    const waits = await clients.measure(seconds * 1_000);
    const outcome = attacker.outcome();
    attacker[Symbol.dispose]();
    const problem = row.countsSubmits === true ? await compareSubmits() : null;
    return judge(waits, memoryMib, { outcome, problem });
  } finally {
    clearInterval(watching);
    // It may be busy for minutes with what was asked.
    await gateway.kill();
  }

  /** Says how many jobs the gateway has of those that the upstream got, unless it has each of them once; null where it has. */
  async function compareSubmits(): Promise<string | null> {
    const body = JSON.stringify({ query: "{ jobs { totalCount } }" });
    let problem: string | null = null;
    for (const endsAt = Date.now() + SETTLE_MS; Date.now() < endsAt; await sleep(500)) {
      const sent = upstream.count("submit");
      const answer = await client
        .post(url, body, { authorization: `Bearer ${keys[0]}` })
        .catch(String);
      const known = /"totalCount":(\d+)/.exec(answer)?.[1];
      if (Number(known) === sent) return null;
      problem = `${known ?? answer} jobs of ${sent} POSTs`;
    }
    return problem;
  }

  /** The URL at which everybody can read a file of an owner's. */
  async function shareFile(key: string): Promise<string> {
    const post = (body: string) => client.post(url, body, { authorization: `Bearer ${key}` });
    const bytes = Buffer.alloc(21, "RIFF....WAVEfmt ");
    const { id, putUrl } = await openUpload({ url, post }, "audio/wav", bytes.length);
    await send(putUrl, "PUT", bytes);
    const submit = `mutation { submitJob(deploymentId: "d", input: { file: "upload:${id}" }) { __typename } }`;
    await post(JSON.stringify({ query: submit }));
    const sent = upstream.requests.findLast(({ call }) => call === "submit");
    return toLocal(JSON.parse(sent?.body ?? "").file, url);
  }
}

/** Of a quiet owner and two greedy ones. */
async function createKeys(file: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for (const owner of ["quiet", "greedy", "greedy-too"]) keys.push(await createKey(file, owner));
  return keys;
}

/** Resolves when it begins. */
async function startAttacker(name: string, options: AttackOptions) {
  const program = fileURLToPath(new URL("attacker.ts", import.meta.url));
  const child = spawn(process.execPath, [program, name, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const begun = Promise.withResolvers<void>();
  let last = "[]";
  createInterface(child.stdout).on("line", (line) => {
    if (line === "ready") begun.resolve();
    else last = line;
  });
  child.once("exit", () =>
    begun.reject(
      new Error(`The attack ${name} ended by itself. What it says above is the reason.`),
    ),
  );
  await within(20_000, `the attack ${name} begins`, begun.promise);
  return {
    /** How often it got which answer. */
    outcome(): string {
      if (child.exitCode !== null)
        throw new Error(`The attack ${name} ended by itself. What it says above is the reason.`);
      const counts: readonly (readonly [string, number])[] = JSON.parse(last);
      return counts.map(([outcome, count]) => `${count} × ${outcome}`).join(", ");
    },
    [Symbol.dispose]() {
      kill();
      process.removeListener("exit", kill);
    },
  };
}

function judge(
  waits: readonly Wait[],
  memoryMib: number,
  { outcome, problem }: { readonly outcome: string; readonly problem: string | null },
) {
  let isKept = true;
  const mark = (text: string, isWithin: boolean): string => {
    isKept &&= isWithin;
    return isWithin ? text : `**${text}**`;
  };
  const toCell = (kind: WaitKind): string => {
    const of = waits.filter((wait) => wait.kind === kind);
    if (of.length === 0) return "";
    const refused = of.filter(({ isAnswered }) => !isAnswered).length;
    const tookMs = of.map((wait) => wait.tookMs);
    const [p50 = 0, p99 = 0, longest = 0] = [0.5, 0.99, 1].map((share) => quantile(tookMs, share));
    const times = [p50, p99, longest].map(Math.round).join(" / ");
    return mark(
      refused === 0 ? times : `${times}, ${refused} of ${of.length} refused`,
      p99 <= P99_MS && longest <= LONGEST_MS && refused === 0,
    );
  };
  const memory = mark(String(Math.round(memoryMib)), memoryMib <= MAX_MIB);
  const cells = [...KINDS.map(toCell), memory, mark(problem ?? outcome, problem === null)];
  return { cells, isKept };
}

function toLine(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
