import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { PRODUCTION, startGatewayProgram, startProgram } from "./child-program.ts";
import { FINISHED, storeFinishedJob } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { compare, median, quantile, toFigure } from "./figure.ts";
import { openClient } from "./http-client.ts";
import { JOB_ID } from "./peers/peer-job.ts";

const WARM_UP_ROUNDS = 4;
const ROUNDS = 5;
const REQUESTS = 3_000;
const CONNECTIONS = 32;

const OWN = "gateway";
const LIST = "gateway, a list";
const FIELDS = "id status queuePosition version createdAt output";
const JOB = `query ($id: ID!) { job(id: $id) { ${FIELDS} } }`;
const JOBS = `query { jobs(first: 20) { edges { node { ${FIELDS} } } } }`;

/** `job(id)` over HTTP, whose row all but prepared bytes read from SQLite each time; this process asks the servers in turns. */
export async function measureQueries(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  const databaseUrl = `file:${folder}/queries.db`;
  await storeFinishedJob(databaseUrl, { others: 20 });
  await using gateway = await startGatewayProgram(upstream, {
    ...PRODUCTION,
    DATABASE_URL: databaseUrl,
  });
  await using yoga = await startProgram("peers/stock-yoga.ts", PRODUCTION);
  await using mercurius = await startProgram("peers/mercurius-jit.ts", PRODUCTION);
  await using floor = await startProgram("peers/prepared-bytes.ts", PRODUCTION);
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
    { name: OWN, program: gateway, query: JOB, id: FINISHED.job.id, ...samples() },
    { name: LIST, program: gateway, query: JOBS, id: undefined, ...samples() },
  ];

  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const { name, program, query, id, cpuMicros, tookMs } of servers) {
      const body = JSON.stringify({ query, variables: { id } });
      const before = program.readCpuMicros();
      await client.repeat(REQUESTS, async () => {
        const startedAt = performance.now();
        const answer = await client.post(program.url, body);
        if (!answer.includes('"createdAt"')) throw new Error(`${name} answers ${answer}`);
        if (round >= 0) tookMs.push(performance.now() - startedAt);
      });
      if (round >= 0) cpuMicros.push((program.readCpuMicros() - before) / REQUESTS);
    }
  }

  const job = compare(
    "CPU of job(id)",
    "µs",
    ["stock Yoga", "mercurius with graphql-jit", "prepared bytes", OWN].map((name) => ({
      name,
      value: cpuOf(name),
    })),
  );
  const [one, p50] = [
    toFigure("CPU of job(id)", cpuOf(OWN), "µs"),
    toFigure("p50 of job(id)", timeOf(0.5), "ms"),
  ];
  return [
    ...job,
    toFigure("CPU of jobs(first: 20)", cpuOf(LIST), "µs", one),
    p50,
    toFigure("p99 of job(id)", timeOf(0.99), "ms", p50),
  ];

  function cpuOf(wanted: string): number {
    return median(servers.find(({ name }) => name === wanted)?.cpuMicros ?? []);
  }

  function timeOf(share: number): number {
    return quantile(servers.find(({ name }) => name === OWN)?.tookMs ?? [], share);
  }
}

function samples(): { readonly cpuMicros: number[]; readonly tookMs: number[] } {
  return { cpuMicros: [], tookMs: [] };
}
