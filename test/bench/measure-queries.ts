import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startGatewayProgram, startProgram } from "./child-program.ts";
import { FINISHED, storeFinishedJob } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, quantile, toFigure } from "./figure.ts";
import { openClient } from "./http-client.ts";
import { JOB_ID } from "./peers/peer-job.ts";

const WARM_UP_ROUNDS = 4;
const ROUNDS = 5;
const REQUESTS = 3_000;
const CONNECTIONS = 32;

const LIST = "gateway, a list";
const FIELDS = "id status queuePosition version createdAt output";
const JOB = `query ($id: ID!) { job(id: $id) { ${FIELDS} } }`;
const JOBS = `query { jobs(first: 20) { edges { node { ${FIELDS} } } } }`;

/** `job(id)` over HTTP, with its row read from SQLite each time; the servers are asked in turns by this process. */
export async function measureQueries(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  const databaseUrl = `file:${folder}/queries.db`;
  await storeFinishedJob(databaseUrl, { others: 20 });
  await using gateway = await startGatewayProgram(upstream, { DATABASE_URL: databaseUrl });
  await using yoga = await startProgram("peers/stock-yoga.ts");
  await using mercurius = await startProgram("peers/mercurius-jit.ts");
  await using floor = await startProgram("peers/prepared-bytes.ts");
  using client = openClient(CONNECTIONS);
  const servers = [
    { name: "stock Yoga", program: yoga, query: JOB, id: JOB_ID, ...samples() },
    {
      name: "mercurius with graphql-jit",
      program: mercurius,
      query: JOB,
      id: JOB_ID,
      ...samples(),
    },
    { name: "prepared bytes", program: floor, query: JOB, id: JOB_ID, ...samples() },
    { name: "gateway", program: gateway, query: JOB, id: FINISHED.job.id, ...samples() },
    { name: LIST, program: gateway, query: JOBS, id: undefined, ...samples() },
  ];

  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const { name, program, query, id, cpuMicros, tookMs } of servers) {
      const body = JSON.stringify({ query, variables: { id } });
      const before = program.readCpuMicros();
      await client.repeat(REQUESTS, async () => {
        const startedAt = performance.now();
        const answer = await client.post(program.url, body);
        if (answer.includes('"errors"')) throw new Error(`${name} answers ${answer}`);
        if (round >= 0) tookMs.push(performance.now() - startedAt);
      });
      if (round >= 0) cpuMicros.push((program.readCpuMicros() - before) / REQUESTS);
    }
  }

  const base = toFigure("CPU of job(id): stock Yoga", cpuOf("stock Yoga"), "µs");
  const one = toFigure("CPU of job(id): gateway", cpuOf("gateway"), "µs", base);
  const p50 = toFigure("p50 of job(id): gateway", timeOf(0.5), "ms");
  return [
    base,
    ...["mercurius with graphql-jit", "prepared bytes"].map((name) =>
      toFigure(`CPU of job(id): ${name}`, cpuOf(name), "µs", base),
    ),
    one,
    toFigure("CPU of jobs(first: 20), to one job: gateway", cpuOf(LIST), "µs", one),
    p50,
    toFigure("p99 of job(id): gateway", timeOf(0.99), "ms", p50),
  ];

  function cpuOf(wanted: string): number {
    return median(servers.find(({ name }) => name === wanted)?.cpuMicros ?? []);
  }

  function timeOf(share: number): number {
    return quantile(servers.find(({ name }) => name === "gateway")?.tookMs ?? [], share);
  }
}

function samples(): { readonly cpuMicros: number[]; readonly tookMs: number[] } {
  return { cpuMicros: [], tookMs: [] };
}
