import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import type { ChildProgram } from "./child-program.ts";
import { PRODUCTION, startGatewayProgram, startProgram } from "./child-program.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { compare, median } from "./figure.ts";
import { JOB_ID } from "./peers/peer-job.ts";
import { openRawWatchers } from "./raw-watchers.ts";
import { submitJob } from "./submit-job.ts";

const ROUNDS = 5;
const WATCHERS = 5_000;

type Server = {
  readonly name: string;
  readonly program: ChildProgram;
  /** How many messages tell a watcher of the change: a final one brings its end along. */
  readonly messages: 1 | 2;
  /** Whether a watcher is told of the job as it is. */
  readonly hasFirst: boolean;
  /** The job of the next round. */
  prepare(): Promise<string>;
  change(jobId: string): Promise<unknown>;
};

/**
 * One change to 5,000 watchers of a job: from the request that brings it to the first and to the last of them, and what it
 * takes the server. The gateway's request is a cancel, with a call to the upstream and a write to disk in it.
 */
export async function measureWatchers(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  await using gateway = await startGatewayProgram(upstream, {
    ...PRODUCTION,
    DATABASE_URL: `file:${folder}/watchers.db`,
  });
  await using floor = await startProgram("peers/prepared-bytes.ts", PRODUCTION);
  await using yoga = await startProgram("peers/stock-yoga.ts", PRODUCTION);
  await using mercurius = await startProgram("peers/mercurius-jit.ts", PRODUCTION);
  upstream.script(DEPLOYMENT_ID, ["in_queue"]);
  const toPeer = (name: string, program: ChildProgram, messages: 1 | 2): Server => ({
    name,
    program,
    messages,
    hasFirst: false,
    prepare: async () => JOB_ID,
    change: () => fetch(new URL("/change", program.url)).then((response) => response.text()),
  });
  const servers: readonly Server[] = [
    toPeer("prepared bytes", floor, 2),
    toPeer("stock Yoga", yoga, 1),
    toPeer("mercurius with graphql-jit", mercurius, 1),
    {
      name: "gateway",
      program: gateway,
      messages: 2,
      hasFirst: true,
      prepare: async () => (await submitJob(gateway.url)).id,
      change: (id) => cancelJob(gateway.url, id),
    },
  ];
  const figures: Figure[] = [];
  for (const sockets of [WATCHERS, 100]) {
    const measured: (Measured & { readonly server: Server })[] = [];
    for (const server of servers) measured.push({ server, ...(await measure(server, sockets)) });
    const pick = (of: (one: Measured) => number) =>
      measured.map((one) => ({ name: `${one.server.name}, ${sockets} sockets`, value: of(one) }));
    figures.push(
      ...compare(
        "the first of 5,000 watchers hears",
        "ms",
        pick(({ firstMs }) => firstMs),
      ),
      ...compare(
        "the last of them",
        "ms",
        pick(({ lastMs }) => lastMs),
      ),
      ...compare(
        "CPU for each",
        "µs",
        pick(({ cpuMicros }) => cpuMicros),
      ),
    );
  }
  return figures;
}

type Measured = {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly cpuMicros: number;
};

async function measure(server: Server, sockets: number): Promise<Measured> {
  using watchers = await openRawWatchers(server.program.url, { watchers: WATCHERS, sockets });
  const rounds: Measured[] = [];
  // The first one warms up. Peers keep their watchers.
  for (let round = 0; round <= ROUNDS; round++) {
    const jobId = await server.prepare();
    if (server.hasFirst || round === 0) await watchers.subscribe(jobId);
    if (server.hasFirst) await watchers.whenArrived(WATCHERS);
    const cpuBefore = server.program.readCpuMicros();
    const startedAt = performance.now();
    await server.change(jobId);
    const arrivals = await watchers.whenArrived(server.messages * WATCHERS);
    const told = arrivals.filter(({ message }) => message.includes('"next"')).map(({ at }) => at);
    if (round === 0) continue;
    rounds.push({
      firstMs: Math.min(...told) - startedAt,
      lastMs: Math.max(...told) - startedAt,
      cpuMicros: (server.program.readCpuMicros() - cpuBefore) / WATCHERS,
    });
  }
  return {
    firstMs: median(rounds.map(({ firstMs }) => firstMs)),
    lastMs: median(rounds.map(({ lastMs }) => lastMs)),
    cpuMicros: median(rounds.map(({ cpuMicros }) => cpuMicros)),
  };
}

async function cancelJob(url: string, id: string): Promise<void> {
  const query = "mutation ($id: ID!) { cancelJob(id: $id) { __typename } }";
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables: { id } }),
  });
  await response.text();
}
