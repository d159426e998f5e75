import { postAgainAndAgain } from "./closed-loop.ts";
import type { ChildProgram } from "./child-program.ts";
import { FINISHED, storeFinishedJob } from "./example-job.ts";
import { compare, median, quantile, toFigure } from "./figure.ts";
import type { PeerFigures, PeerSettings, ServerName } from "./peer-servers.ts";
import { SERVERS, startServer } from "./peer-servers.ts";
import { JOB_ID } from "./peers/peer-job.ts";

const WARM_UP_MS = 3_000;
const FIELDS = "id status queuePosition version createdAt output";
const READS = {
  "job(id)": { query: `query ($id: ID!) { job(id: $id) { ${FIELDS} } }`, jobs: 1 },
  "a page of 20 jobs": {
    query: `query { jobs(first: 20) { edges { node { ${FIELDS} } } } }`,
    jobs: 20,
  },
} as const;
type Read = keyof typeof READS;

type Target = {
  readonly read: Read;
  readonly name: ServerName;
  readonly program: ChildProgram;
  readonly body: string;
  readonly expected: string;
  /** Of each round. */
  readonly cpuMicros: number[];
  readonly p50Ms: number[];
  readonly p99Ms: number[];
};

/** Reads of one job and of a page of jobs, which the gateway has in a file of SQLite and peers in memory; servers take turns. */
export async function measurePeerReads(
  settings: PeerSettings,
  durationMs: number,
): Promise<PeerFigures> {
  const databaseUrl = `file:${settings.folder}/peer-reads.db`;
  await storeFinishedJob(databaseUrl, { others: 20 });
  await using stack = new AsyncDisposableStack();
  const targets: Target[] = [];
  for (const name of SERVERS) {
    const program = stack.use(await startServer(name, databaseUrl, settings));
    targets.push(await toTarget("job(id)", name, program));
    if (name !== "prepared bytes") targets.push(await toTarget("a page of 20 jobs", name, program));
  }
  for (const target of targets)
    await postAgainAndAgain(target.program.url, {
      ...target,
      durationMs: Math.min(durationMs, WARM_UP_MS),
    });
  let bad = 0;
  for (let round = 0; round < settings.rounds; round++) {
    for (const target of targets) {
      settings.onPart();
      const before = target.program.readCpuMicros();
      const answers = await postAgainAndAgain(target.program.url, { ...target, durationMs });
      target.cpuMicros.push((target.program.readCpuMicros() - before) / answers.tookMs.length);
      target.p50Ms.push(quantile(answers.tookMs, 0.5));
      target.p99Ms.push(quantile(answers.tookMs, 0.99));
      bad += answers.bad;
    }
  }

  const of = (read: Read) => targets.filter((target) => target.read === read);
  const toCpu = (read: Read) =>
    compare(
      `CPU of ${read}`,
      "µs",
      of(read).map(({ name, cpuMicros }) => ({ name, value: median(cpuMicros) })),
    );
  const times = of("job(id)").flatMap(({ name, p50Ms, p99Ms }) => {
    const p50 = toFigure(`p50 of job(id): ${name}`, median(p50Ms), "ms");
    return [p50, toFigure(`p99 of job(id): ${name}`, median(p99Ms), "ms", p50)];
  });
  return { figures: [...toCpu("job(id)"), ...toCpu("a page of 20 jobs"), ...times], bad };
}

/** Throws unless the server answers with so many whole jobs, as it then has to each time. */
async function toTarget(read: Read, name: ServerName, program: ChildProgram): Promise<Target> {
  const { query, jobs } = READS[read];
  const id = name === "gateway" ? FINISHED.job.id : JOB_ID;
  const body = JSON.stringify({ query, variables: read === "job(id)" ? { id } : {} });
  const headers = { "content-type": "application/json", accept: "application/json" };
  const response = await fetch(program.url, { method: "POST", headers, body });
  const expected = await response.text();
  if (expected.split('"output":{"images":["https://').length - 1 !== jobs)
    throw new Error(`${name} answers ${read} with ${expected}`);
  return { read, name, program, body, expected, cpuMicros: [], p50Ms: [], p99Ms: [] };
}
