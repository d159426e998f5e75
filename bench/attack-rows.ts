import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { REFUSED_DOCUMENTS } from "../test/attacks/exploding-documents.ts";
import { toRequest } from "../test/attacks/hostile-requests.ts";
import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { toManyJobs, toManyTexts } from "../test/support/many-jobs.ts";
import { openSocket, whenClosed } from "../test/support/raw-socket.ts";
import type { AttackRow } from "./attack.ts";
import { fillStore, query, storeFinishedJob, toJobId } from "./example-job.ts";
import { openUpload, send, toLocal } from "./send-file.ts";

const OWNER = "greedy";
const LARGE_JOB = toJobId(1);
const DOWNLOADED = 500;
const ADD_DOCUMENTS = `
  insert into job_documents (job_id, input_bytes, input)
  select id, 2, '{}' from jobs where owner_id = '${OWNER}';`;
const FILES_OF_A_JOB = 20;
const ADD_FILES = `${ADD_DOCUMENTS}
  insert into kept_files (job_id, number, url, state)
  with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${FILES_OF_A_JOB})
  select id, n, 'https://files.example/' || n, 'FAILED' from jobs cross join numbers
    where owner_id = '${OWNER}';`;
const PAGE = toBody(
  "{ jobs(first: 100) { totalCount edges { node { id input history { at } } } } }",
);
const READ = `{ job(id: "${LARGE_JOB}") { output } }`;
/** An answer of about 16 MiB: the same output of 4 MB, four times. */
const READ_FOUR = toBody(
  `{ ${["a", "b", "c", "d"].map((name) => `${name}: job(id: "${LARGE_JOB}") { output }`).join(" ")} }`,
);
const SEARCH = `{ jobs(filter: { text: "${"a".repeat(199)}b" }) { edges { cursor } } }`;
const SUBMIT = toBody('mutation { submitJob(deploymentId: "d", input: {}) { __typename } }');
const BODY = `{"query":"{ __typename }","variables":{"x":"${"x".repeat(250_000)}"}}`;
const RESULTS = 20;
const LARGE_RESULT = "fault-numbers-result";

/** What one key does at its worst, by its limits as they are by default. */
export const ATTACK_ROWS: Readonly<Record<string, AttackRow>> = {
  reads: {
    what: "200 clients that read pages of 100 without pause",
    seed: storeJobs(10_000, ADD_DOCUMENTS),
    attack: ({ post, repeat }) => repeat(200, () => post(PAGE)),
  },
  submits: {
    what: "500 submits at once, again and again",
    countsSubmits: true,
    attack: ({ post, repeat }) => repeat(500, () => post(SUBMIT)),
  },
  results: {
    what: `${RESULTS} results of 7 MB that come at once, again and again`,
    countsSubmits: true,
    setUpstream: releaseResultsTogether,
    attack: ({ post, repeat }) =>
      repeat(1, async () => {
        const items = Array.from({ length: RESULTS }, () => ({
          deploymentId: LARGE_RESULT,
          input: {},
        }));
        const submit =
          "mutation ($items: [SubmitJobItem!]!) { submitJobs(items: $items) { __typename } }";
        await post(toBody(submit, { items }));
        await sleep(1_000);
      }),
  },
  searches: {
    what: "100 searches at once among 10,000 prompts that are hard to tell apart",
    seed: storeJobs(10_000, toManyTexts(OWNER, "a".repeat(4_000))),
    attack: ({ post, repeat }) => repeat(100, () => post(toBody(SEARCH))),
  },
  idle: {
    what: "4,000 connections that say nothing",
    environment: { REQUEST_TIMEOUT_SECONDS: "60", IDLE_TIMEOUT_SECONDS: "60" },
    attack: ({ port, repeat }) =>
      repeat(4_000, async () => await whenClosed(await openSocket(port))),
  },
  sockets: {
    what: "1,000 sockets that ask for large outputs and read nothing",
    seed: storeLargeJob,
    attack: ({ openSocket: open, repeat }) =>
      repeat(1_000, async () => {
        const { socket, say, closed } = await open();
        await Promise.race([once(socket, "data"), closed]);
        socket.pause();
        for (let id = 0; id < 5; id += 1)
          say({ type: "subscribe", id: String(id), payload: { query: READ } });
        await Promise.race([closed, sleep(5_000)]);
        socket.destroy();
      }),
  },
  uploads: {
    what: "100 uploads that drip",
    hasFiles: true,
    attack: ({ url, post, repeat }) =>
      repeat(100, async () => {
        const { putUrl } = await openUpload({ url, post }, "image/png", 1_000_000);
        const headers = { "content-length": 1_000_000 };
        const sending = request(putUrl, { method: "PUT", headers });
        const ended = new Promise((resolve) => sending.once("close", resolve));
        sending.on("error", () => undefined).on("response", (response) => response.resume());
        const dripping = setInterval(() => sending.write("x"), 1_000);
        await ended.finally(() => clearInterval(dripping));
      }),
  },
  bodies: {
    what: "50 MiB of bodies at once, again and again",
    attack: ({ post, repeat }) => repeat(210, () => post(BODY)),
  },
  bombs: {
    what: "documents that ask for more than it seems, such as fragments that double",
    attack: ({ ask, repeat }) => {
      let next = 0;
      return repeat(8, () => {
        const [, document, variables = "{}"] = REFUSED_DOCUMENTS[
          next++ % REFUSED_DOCUMENTS.length
        ] ?? ["", ""];
        return ask(`{"query":${JSON.stringify(document)},"variables":${variables}}`);
      });
    },
  },
  downloads: {
    what: `60 downloads of ${DOWNLOADED} jobs at once`,
    seed: storeJobs(DOWNLOADED, ADD_FILES),
    attack: ({ url, post, count, repeat }) =>
      repeat(60, async () => {
        const ids = Array.from({ length: DOWNLOADED }, (_, at) => `job_${at + 1}`);
        const create =
          "mutation ($ids: [ID!]!) { createDownload(ids: $ids) { __typename ... on CreateDownloadSuccess { download { url } } } }";
        const [signed = ""] = /http[^"]+/.exec(await post(toBody(create, { ids }))) ?? [];
        await count(send(toLocal(signed, url), "GET"));
      }),
  },
  answers: {
    what: "200 clients that do not read answers of 16 MiB",
    seed: storeLargeJob,
    attack: ({ port, keys, repeat }) =>
      repeat(200, async () => {
        const client = await openSocket(port);
        client.pause();
        client.write(toRequest(READ_FOUR, `Authorization: Bearer ${keys[0]}\r\n`));
        await Promise.race([whenClosed(client), sleep(5_000)]);
        client.destroy();
      }),
  },
};

/** The upstream holds back results until all of a round, or `POLLS_AT_ONCE`, are asked for. */
function releaseResultsTogether(upstream: FaultyUpstream): void {
  upstream.script(LARGE_RESULT, ["succeeded"]);
  async function hold(): Promise<never> {
    for (;;) {
      const release = upstream.hold("result");
      const asked = upstream.count("result", LARGE_RESULT);
      await upstream.whenRequested("result", asked + 1, LARGE_RESULT);
      const all = upstream.whenRequested("result", asked + RESULTS, LARGE_RESULT);
      await Promise.race([all, sleep(2_000)]);
      release();
    }
  }
  void hold();
}

function storeJobs(count: number, more: string) {
  return async (databaseUrl: string): Promise<void> => {
    await fillStore(databaseUrl, async () => undefined);
    const jobs = toManyJobs(OWNER, count) + more;
    // Without triggers, which would take most of the time.
    const first = "set session_replication_role = replica;";
    await query(
      databaseUrl,
      databaseUrl.startsWith("file:") ? `begin; ${jobs} commit` : first + jobs,
    );
  };
}

/** Its output has about 4 MB. */
async function storeLargeJob(databaseUrl: string): Promise<void> {
  const images = Array.from({ length: 40_000 }, (_, at) => ({
    url: `https://files.runcomfy.net/output-${at}.png`,
    subfolder: "a/folder/of/outputs",
    type: "output",
  }));
  await storeFinishedJob(databaseUrl, { ownerId: OWNER, number: 1, output: { images } });
}

function toBody(document: string, variables: object = {}): string {
  return JSON.stringify({ query: document, variables });
}
