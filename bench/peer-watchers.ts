import { setTimeout as delay } from "node:timers/promises";

import type { ChildProgram } from "./child-program.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import { compare, median } from "./figure.ts";
import type { PeerFigures, PeerSettings, ServerName } from "./peer-servers.ts";
import { SERVERS, startServer } from "./peer-servers.ts";
import { JOB_ID } from "./peers/peer-job.ts";
import type { Arrival } from "./raw-watchers.ts";
import { openRawWatchers } from "./raw-watchers.ts";
import { submitJob } from "./submit-job.ts";
import { within } from "./within.ts";

const WATCHERS = 5_000;
/** In each round, after one that warms up. */
const CHANGES = 6;
const SETTLE_MS = 2_000;
/** For what a server does after the last message. */
const REST_MS = 300;
const PATIENCE_MS = 20_000;

type Round = {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly cpuMicros: number;
  readonly kib: number;
  readonly bad: number;
};

/**
 * One change to 5,000 watchers of a job, on so many sockets: from the request that brings it to the first and to the last of
 * them, what each message takes the server, and what each watcher takes it of memory. The gateway's request is a cancel,
 * with a call to the upstream and a write to disk in it. Each round has servers that have just started, in turn.
 */
export async function measurePeerWatchers(
  settings: PeerSettings,
  sockets: number,
): Promise<PeerFigures> {
  settings.upstream.script(DEPLOYMENT_ID, ["in_queue"]);
  const measured = SERVERS.map((name) => ({ name, rounds: new Array<Round>() }));
  for (let round = 0; round < settings.rounds; round++) {
    for (const { name, rounds } of measured) {
      settings.onPart();
      const databaseUrl = `file:${settings.folder}/peer-watchers-${sockets}-${round}.db`;
      await using program = await startServer(name, databaseUrl, settings);
      rounds.push(await measureRound(name, program, sockets));
    }
  }
  const toValues = (of: (round: Round) => number) =>
    measured.map(({ name, rounds }) => ({ name, value: median(rounds.map(of)) }));
  const where = `${WATCHERS} watchers on ${sockets} sockets`;
  return {
    figures: [
      ...compare(
        `first of ${where}`,
        "ms",
        toValues(({ firstMs }) => firstMs),
      ),
      ...compare(
        `last of ${where}`,
        "ms",
        toValues(({ lastMs }) => lastMs),
      ),
      ...compare(
        `CPU a message, ${where}`,
        "µs",
        toValues(({ cpuMicros }) => cpuMicros),
      ),
      ...compare(
        `memory a watcher, ${where}`,
        "KiB",
        toValues(({ kib }) => kib),
      ),
    ],
    bad: measured.flatMap(({ rounds }) => rounds).reduce((sum, { bad }) => sum + bad, 0),
  };
}

async function measureRound(
  name: ServerName,
  program: ChildProgram,
  sockets: number,
): Promise<Round> {
  // A job of the gateway's ends, with its streams, by the change; a watcher is sent the job as it is first.
  const isGateway = name === "gateway";
  const messages = isGateway || name === "prepared bytes" ? ["next", "complete"] : ["next"];
  const firstMs: number[] = [];
  const lastMs: number[] = [];
  let cpuMicros = 0;
  let bad = 0;

  let jobId = isGateway ? await queueJob(program.url) : JOB_ID;
  const memoryBefore = program.readMemory();
  using watchers = await openRawWatchers(program.url, { watchers: WATCHERS, sockets });
  await subscribe();
  await delay(SETTLE_MS);
  const kib = ((program.readMemory() - memoryBefore) * 1_024) / WATCHERS;
  for (let change = 0; change <= CHANGES; change++) {
    if (isGateway && change > 0) {
      jobId = await queueJob(program.url);
      await subscribe();
    }
    const cpuBefore = program.readCpuMicros();
    const startedAt = performance.now();
    await (isGateway ? cancelJob(program.url, jobId) : changeJob(program.url));
    const arrivals = await watchers.whenArrived(messages.length * WATCHERS);
    await delay(REST_MS);
    bad += countBad(arrivals, messages);
    if (change === 0) continue;
    const heardAt = arrivals.filter(isNext).map(({ at }) => at - startedAt);
    firstMs.push(Math.min(...heardAt));
    lastMs.push(Math.max(...heardAt));
    cpuMicros += (program.readCpuMicros() - cpuBefore) / (CHANGES * WATCHERS);
  }
  return { firstMs: median(firstMs), lastMs: median(lastMs), cpuMicros, kib, bad };

  async function subscribe(): Promise<void> {
    await watchers.subscribe(jobId);
    if (isGateway) bad += countBad(await watchers.whenArrived(WATCHERS), ["next"]);
  }
}

const isNext = ({ message }: Arrival): boolean => message.includes('"type":"next"');

/** How many messages are missing, come twice, are errors, or are of other types than each watcher gets one of. */
function countBad(arrivals: readonly Arrival[], types: readonly string[]): number {
  const good = new Set<string>();
  for (const { message } of arrivals) {
    const { id, type, payload } = JSON.parse(message.toString());
    if (types.includes(type) && payload?.errors === undefined) good.add(`${type} ${id}`);
  }
  return Math.max(arrivals.length, types.length * WATCHERS) - good.size;
}

/** A job in the queue whose first poll, which changes its place, is over. */
async function queueJob(url: string): Promise<string> {
  const { id } = await submitJob(url);
  const query = "query ($id: ID!) { job(id: $id) { queuePosition } }";
  const polled = (async () => {
    while ((await post(url, query, id)).includes(":null")) await delay(50);
  })();
  await within(PATIENCE_MS, "a first poll", polled);
  return id;
}

async function changeJob(url: string): Promise<void> {
  await (await fetch(new URL("/change", url))).text();
}

async function cancelJob(url: string, id: string): Promise<void> {
  const query = "mutation ($id: ID!) { cancelJob(id: $id) { __typename } }";
  const answer = await post(url, query, id);
  if (!answer.includes("CancelJobSuccess")) throw new Error(`The job was not cancelled: ${answer}`);
}

async function post(url: string, query: string, id: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ query, variables: { id } });
  return await (await fetch(url, { method: "POST", headers, body })).text();
}
