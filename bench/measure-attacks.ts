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
import { FINISHED, query, storeFinishedJob } from "./example-job.ts";
import { quantile } from "./figure.ts";
import { openClient } from "./http-client.ts";
import type { Wait, WaitKind } from "./quiet-clients.ts";
import { startQuietClients } from "./quiet-clients.ts";
import { openUpload, send, toLocal } from "./send-file.ts";
import { within } from "./within.ts";

/** What SECURITY.md promises everybody else. */
const MAX_MIB = 1.3e9 / 1_048_576;
const OPEN = { p99Ms: 250, longestMs: 600 };
const PROMISES: { readonly [Kind in WaitKind]?: typeof OPEN } = {
  "job(id)": OPEN,
  // Behind a burst of others.
  "new connections": { p99Ms: 1_500, longestMs: 1_500 },
  "/health": OPEN,
  // As docs/webhooks.md promises an owner who has none under way.
  webhooks: { p99Ms: 2_000, longestMs: Infinity },
};
const PROMISED = ["job(id)", "new connections", "/health"] as const;
const WARM_UP_MS = 2_000;
const MEMORY_POLL_MS = 50;
const ORIGIN = "https://gateway.example.com";
const DATABASES = ["sqlite", "postgres"] as const;

const ADD_WEBHOOK = `
  insert into webhooks (id, owner_id, url, secret, created_at)
  values ('whk_quiet', 'quiet', 'http://127.0.0.1/', 'whsec_AA==', 0);
  insert into webhook_deliveries (id, webhook_id, job_id, event, created_at, ended_at, state)
  values ('msg_quiet', 'whk_quiet', '${FINISHED.job.id}', 'JOB_SUCCEEDED', 0, 0, 'DELIVERED')`;

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
  console.log(toLine(["attack", "database", ...PROMISED, "files", "webhooks", "MiB", "outcome"]));
  console.log(toLine(["---", "---", "---:", "---:", "---:", "---:", "---:", "---:", "---"]));
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
    `\np50 / p99 / longest, in ms. In bold: p99 above ${OPEN.p99Ms}, longest above ${OPEN.longestMs} (on a new connection 1500, of a webhook p99 above 2000), memory above ${Math.round(MAX_MIB)} MiB, or some refused. Who still waits counts with the time so far.`,
  );
  return isKept;
}

type Place = { readonly place: string; readonly databaseUrl: string; readonly seconds: number };

async function measureRow(name: string, row: AttackRow, { place, databaseUrl, seconds }: Place) {
  const keysFile = `${place}-keys.json`;
  const [quiet = "", ...keys] = await createKeys(keysFile);
  const filesUrl = `file:${place}/files`;
  await storeFinishedJob(databaseUrl, { ownerId: "quiet" });
  const { webhookStatus = null } = row;
  if (webhookStatus !== null) await query(databaseUrl, ADD_WEBHOOK);
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
  const file = row.hasFiles === true ? await shareFile(quiet, 21) : null;
  const greedyFile = row.hasFiles === true ? await shareFile(keys[0] ?? "", 20_000_000) : null;
  await using clients = startQuietClients({
    url,
    authorization: `Bearer ${quiet}`,
    body: JSON.stringify({
      query: `{ job(id: "${FINISHED.job.id}") { id status version createdAt } }`,
    }),
    file,
    webhookStatus,
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
    using attacker = await startAttacker(name, { url, keys, file: greedyFile });
    const waits = await clients.measure(seconds * 1_000);
    return judge(waits, memoryMib, attacker.outcome());
  } finally {
    clearInterval(watching);
    // It may be busy for minutes with what was asked.
    await gateway.kill();
  }

  /** The URL at which everybody can read a file of an owner's. */
  async function shareFile(key: string, size: number): Promise<string> {
    const post = (body: string) => client.post(url, body, { authorization: `Bearer ${key}` });
    const bytes = Buffer.alloc(size, "RIFF....WAVEfmt ");
    const { id, putUrl } = await openUpload({ url, post }, "audio/wav", size);
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

function judge(waits: readonly Wait[], memoryMib: number, outcome: string) {
  let isKept = true;
  const mark = (text: string, isWithin: boolean): string => {
    isKept &&= isWithin;
    return isWithin ? text : `**${text}**`;
  };
  const toCell = (kind: WaitKind): string => {
    const of = waits.filter((wait) => wait.kind === kind);
    if (of.length === 0) return "";
    const refused = of.filter(({ isAnswered }) => !isAnswered).length;
    const [p50, p99, longest] = [0.5, 0.99, 1].map((share) =>
      quantile(
        of.map(({ tookMs }) => tookMs),
        share,
      ),
    );
    const promise = PROMISES[kind];
    const isLate =
      promise !== undefined && ((p99 ?? 0) > promise.p99Ms || (longest ?? 0) > promise.longestMs);
    const times = [p50, p99, longest].map((ms) => Math.round(ms ?? 0)).join(" / ");
    return mark(
      refused === 0 ? times : `${times}, ${refused} of ${of.length} refused`,
      !isLate && refused === 0,
    );
  };
  const cells = [...PROMISED.map(toCell), toCell("files"), toCell("webhooks")];
  cells.push(mark(String(Math.round(memoryMib)), memoryMib <= MAX_MIB), outcome);
  return { cells, isKept };
}

function toLine(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
