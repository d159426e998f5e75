import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";

import { toManyJobs, toManyTexts } from "../support/many-jobs.ts";
import { ATTACKED_DATABASES, type AttackedDatabase } from "./attacked-databases.ts";
import type { AttackedGateway } from "./attacked-gateway.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";

vi.setConfig({ testTimeout: 120_000 });

const CONNECTIONS = 5;
const URLS = 1_000;
const ID = "job_large";

/** Some 6 MB of what a model sees in frames, and a thousand pictures. */
const SEEN = `a cat that looks to the left, ${"and then to the right, ".repeat(2)}`;
const OUTPUT = JSON.stringify({
  images: Array.from({ length: URLS }, (_, index) => `https://x.runcomfy.net/${index}.png`),
  frames: Array.from({ length: 50_000 }, (_, index) => ({ box: [index, 1, 2, 3], seen: SEEN })),
});
const ASSETS = JSON.stringify(
  Array.from({ length: URLS }, (_, at) => ({
    url: `https://x.runcomfy.net/${at}.png`,
    path: `images[${at}]`,
    kind: "IMAGE",
  })),
);
const LARGE_JOB = `
  insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version, created_at, updated_at,
    finished_at, work, submit_until)
  values ('${ID}', 'local', 'lora', 'd', 'sandbox', 'v1', 'SUCCEEDED', 3, 1000, 2000, 2000, 1, 0);
  insert into job_documents (job_id, input_bytes, output_bytes, input, output)
  values ('${ID}', 2, ${OUTPUT.length}, '{}', '${OUTPUT}');
  insert into job_assets (job_id, bytes, assets) values ('${ID}', ${ASSETS.length}, '${ASSETS}');`;
const READ = `{ job(id: "${ID}") { ${[1, 2, 3, 4].map((one) => `a${one}: assets { url }`).join(" ")} } }`;
const KEEP = Array.from(
  { length: 10 },
  (_, index) => `k${index}: keepOutputs(jobId: "${ID}") { __typename }`,
).join(" ");
/** A hundred kept files of each of the newest hundred of ten thousand jobs. */
const FILES = JSON.stringify(
  Array.from({ length: 100 }, (_, at) => ({
    url: `https://x.runcomfy.net/a/folder/of/outputs/${at}.png`,
    path: `images[${at}]`,
    kind: "IMAGE",
  })),
);
const NEWEST = "from jobs where created_at > 9900000";
const KEPT_FILES = `
  insert into job_documents (job_id, input_bytes, input) select id, 2, '{}' ${NEWEST};
  insert into job_assets (job_id, bytes, assets) select id, ${FILES.length}, '${FILES}' ${NEWEST};
  insert into kept_files (job_id, number, url, state, file, content_type, bytes, width, height)
  with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < 99)
  select id, n, 'https://x.runcomfy.net/a/folder/of/outputs/' || n || '.png', 'KEPT',
    'file_' || id || '_' || n || '.png', 'image/png', 70, 1, 1
    from (select id ${NEWEST}) as newest cross join numbers;`;
const READ_KEPT = `{ jobs(first: 100) { edges { node { assets { keptUrl thumbnailUrl } } } } }`;
/** Texts that are hard to tell apart. */
const MANY_TEXTS = toManyTexts("local", "a".repeat(6_000));
const PAGE = z.object({
  data: z.object({
    jobs: z.object({
      edges: z.array(z.unknown()),
      pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
    }),
  }),
});
const WALK = `query ($filter: JobFilter, $after: String) {
  jobs(filter: $filter, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } }
}`;

describe.each(ATTACKED_DATABASES)("on %s", (_name, openDatabase) => {
  let database: AttackedDatabase;
  let gateway: AttackedGateway;

  beforeAll(async () => {
    database = await openDatabase();
    gateway = await startAttackedGateway({ DATABASE_URL: database.url });
    // What is loaded or compiled at first is not what is measured.
    for (const _ of [1, 2]) await walk({});
    await database.execute(LARGE_JOB);
  }, 60_000);

  afterAll(async () => {
    await gateway.end();
    await database.drop();
  });

  test.each([
    ["read the files", READ, `/${URLS - 1}.png"}]`],
    ["read the output", `{ job(id: "${ID}") { output } }`, SEEN],
    ["ask for copies", `mutation { ${KEEP} }`, '"KeepOutputsSuccess"'],
  ])(
    "who %s of a job with a large output, on many connections, takes no turn for long",
    async (_what, query, part) => {
      const answers = await gateway.expectShortTurns(() =>
        Promise.all(Array.from({ length: CONNECTIONS }, () => gateway.ask(query))),
      );
      for (const answer of answers)
        expect(answer.includes(part) || answer.slice(0, 300)).toBe(true);
    },
  );

  test("a search of texts that are hard to tell apart, or a tag of very many jobs with a status of none, takes no turn for long", async () => {
    await database.execute(toManyJobs("local", 10_000) + MANY_TEXTS);
    const text = `${"a".repeat(199)}b`;
    await gateway.expectShortTurns(() =>
      Promise.all([
        walk({ text, tag: "all", status: ["FAILED", "SUCCEEDED"] }),
        walk({ tag: "all", status: ["FAILED"] }),
      ]),
    );
  });

  test("a page of a hundred jobs with a hundred kept files each takes no turn for long, and neither do many at once", async () => {
    await database.execute(KEPT_FILES);
    // What is compiled at first is not what is measured.
    for (const _ of [1, 2]) await gateway.ask(READ_KEPT);
    const answers = await gateway.expectShortTurns(() =>
      Promise.all(Array.from({ length: CONNECTIONS }, () => gateway.ask(READ_KEPT))),
    );
    for (const answer of answers) expect(answer.match(/signature=/g)).toHaveLength(20_000);
  });

  /** Reads a list until a page is full, or the list at its end. */
  async function walk(filter: object): Promise<void> {
    let after: string | null = null;
    for (;;) {
      const answer = await gateway.ask({ query: WALK, variables: { filter, after } });
      const { edges, pageInfo } = PAGE.parse(JSON.parse(answer)).data.jobs;
      if (edges.length > 0 || !pageInfo.hasNextPage) return;
      expect(pageInfo.endCursor).not.toBeNull();
      expect(pageInfo.endCursor).not.toBe(after);
      after = pageInfo.endCursor;
    }
  }
});
