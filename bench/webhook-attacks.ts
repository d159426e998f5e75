import { once } from "node:events";
import { createServer } from "node:http";

import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { toManyJobs } from "../test/support/many-jobs.ts";
import type { Attacker, AttackRow } from "./attack.ts";
import { fillStore, query, storeFinishedJob, toJobId } from "./example-job.ts";

/** As many as an owner may have. */
const WEBHOOKS = Array.from({ length: 20 }, (_, at) => `whk_${at}`);
const OWNER = "greedy";
const JOBS_WITH_FILES = 60;
const SET_UP = {
  environment: { WEBHOOKS_ALLOW: "127.0.0.0/8" },
  // Each job ends at its first poll.
  setUpstream: (upstream: FaultyUpstream) => upstream.script("d", ["succeeded"]),
};
const TRY = JSON.stringify({ at: 1_750_000_000_000, status: null, durationMs: 15_000 });
/** As large as a document may be. */
const PAGE = toBody(
  "{ webhooks { deliveries(first: 30) { id event jobId state createdAt nextTryAt tries { at status durationMs } } } }",
);

/** What an owner can do with webhooks, as far as the limits let it. */
export const WEBHOOK_ATTACKS: Readonly<Record<string, AttackRow>> = {
  "webhooks-hang": {
    what: "submits of an owner with 20 webhooks that all hang",
    ...SET_UP,
    seed: (databaseUrl) => storeWebhooks(databaseUrl),
    async attack(attacker) {
      await enable(attacker, null);
      await submitAgain(attacker, () => ({}));
    },
  },
  "webhooks-called": {
    what: "submits of an owner with 20 webhooks that are called at each end",
    ...SET_UP,
    seed: (databaseUrl) => storeWebhooks(databaseUrl),
    async attack(attacker) {
      await enable(attacker, 204);
      await submitAgain(attacker, () => ({}));
    },
  },
  "webhooks-of-jobs": {
    what: "submits that each name a URL of another origin, which hangs",
    ...SET_UP,
    async attack(attacker) {
      const port = await startReceiver(null);
      let number = 0;
      await submitAgain(attacker, () => {
        number += 1;
        const host = `127.0.${Math.floor(number / 250) % 250}.${1 + (number % 250)}`;
        return { webhookUrl: `http://${host}:${port}/${number}` };
      });
    },
  },
  "webhooks-wait": {
    what: "180,000 deliveries that wait, of 20 webhooks whose server fails",
    ...SET_UP,
    seed: (databaseUrl) => storeWebhooks(databaseUrl, { count: 9_000, due: "0", state: "PENDING" }),
    async attack(attacker) {
      await enable(attacker, 500);
      await attacker.repeat(8, () => attacker.post(PAGE));
    },
  },
  "webhooks-of-files": {
    what: "calls of 20 webhooks about 60 jobs, each with 1,000 files with the longest URLs",
    ...SET_UP,
    async seed(databaseUrl) {
      const urls = Array.from({ length: 1_000 }, (_, at) =>
        `https://files.example/${at}/`.padEnd(4_000, "a"),
      );
      const jobs = { number: 1, others: JOBS_WITH_FILES - 1, output: { urls } };
      await storeFinishedJob(databaseUrl, { ownerId: OWNER, ...jobs });
      await storeWebhooks(databaseUrl, { count: 1, due: "0", state: "PENDING" });
    },
    async attack(attacker) {
      await enable(attacker, 204);
      let number = 0;
      await attacker.repeat(4, () => {
        const fields = Array.from({ length: 10 }, (_, at) => {
          number += 1;
          const id = `msg_${toJobId(1 + (number % JOBS_WITH_FILES))}${WEBHOOKS[number % WEBHOOKS.length]}`;
          return `a${at}: redeliver(deliveryId: "${id}") { __typename }`;
        });
        return attacker.post(toBody(`mutation { ${fields.join(" ")} }`));
      });
    },
  },
  "owners-hang": {
    what: "deliveries to 600 webhooks of ten owners whose servers hang, and another's first calls",
    ...SET_UP,
    webhookStatus: 204,
    seed: (databaseUrl) => storeHanging(databaseUrl, { owners: 10, each: 60 }),
    attack: async () => undefined,
  },
  "origins-hang": {
    what: "deliveries to 1,000 origins of one owner that hang, and another's calls that failed before",
    ...SET_UP,
    webhookStatus: 500,
    seed: (databaseUrl) => storeHanging(databaseUrl, { owners: 1, each: 1_000, ofOrigin: 1 }),
    attack: async () => undefined,
  },
  deliveries: {
    what: "pages of 600 deliveries with 20 tries each",
    seed: (databaseUrl) =>
      storeWebhooks(databaseUrl, { count: 1_000, due: "null", state: "FAILED" }),
    attack: ({ post, repeat }) => repeat(8, () => post(PAGE)),
  },
};

/** Writes 20 webhooks that are disabled, each with so many deliveries. */
async function storeWebhooks(
  databaseUrl: string,
  { count, due, state }: { count: number; due: string; state: string } = {
    count: 0,
    due: "null",
    state: "FAILED",
  },
): Promise<void> {
  await fillStore(databaseUrl, async () => undefined);
  const rows = WEBHOOKS.map(
    (id) => `('${id}', '${OWNER}', 'http://127.0.0.1/', 'whsec_AA==', 0, 0)`,
  );
  const tries = `[${Array.from({ length: 20 }, () => TRY).join()}]`;
  await query(
    databaseUrl,
    `${toManyJobs(OWNER, Math.max(count, 1))}
     insert into webhooks (id, owner_id, url, secret, created_at, disabled_at) values ${rows.join()};
     insert into webhook_deliveries (id, webhook_id, job_id, event, created_at, due_at, ended_at, state, tries)
     select 'msg_' || jobs.id || webhooks.id, webhooks.id, jobs.id, 'JOB_SUCCEEDED', 0, ${due}, ${state === "PENDING" ? "null" : "0"}, '${state}', '${tries}'
     from jobs, webhooks where jobs.owner_id = '${OWNER}' and ${count} > 0;`,
  );
}

/** Writes webhooks, or origins of one-job URLs, whose server hangs; each has a delivery that is due. */
async function storeHanging(
  databaseUrl: string,
  { owners, each, ofOrigin = 0 }: { owners: number; each: number; ofOrigin?: number },
): Promise<void> {
  const port = await startReceiver(null);
  const count = owners * each;
  const to =
    ofOrigin === 1 ? `'http://127.0.' || (n / 250) || '.' || (1 + n % 250)` : `'http://127.0.0.1'`;
  await query(
    databaseUrl,
    `insert into webhooks (id, owner_id, url, secret, created_at)
     with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})
     select 'whk_' || n, '${OWNER}-' || (n % ${owners}), ${to} || ':${port}/', ${ofOrigin === 1 ? "null" : "'whsec_AA=='"}, 0 from numbers;
     insert into webhook_deliveries (id, webhook_id, event, created_at, due_at, of_origin)
     select 'msg_' || id, id, 'JOB_SUCCEEDED', 0, 0, ${ofOrigin} from webhooks
     where owner_id like '${OWNER}-%';`,
  );
}

/** Has all webhooks called at a server that answers with this status; with null, it never does. */
async function enable({ post }: Attacker, status: number | null): Promise<void> {
  const port = await startReceiver(status);
  for (const id of WEBHOOKS) {
    const url = `http://127.0.0.1:${port}/${id}`;
    await post(
      toBody(
        `mutation { updateWebhook(id: "${id}", url: "${url}", isEnabled: true) { __typename } }`,
      ),
    );
  }
}

/** Resolves with the port at which it is, on each address of loopback. */
async function startReceiver(status: number | null): Promise<number> {
  const server = createServer((request, response) => {
    request.resume();
    if (status !== null) response.writeHead(status).end();
  });
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  server.unref();
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No TCP address.");
  return address.port;
}

/** Submits 100 jobs at once, again and again. */
function submitAgain({ post, repeat }: Attacker, toMore: () => object): Promise<void> {
  return repeat(4, () => {
    const items = Array.from({ length: 100 }, () => ({
      deploymentId: "d",
      input: {},
      ...toMore(),
    }));
    const submit =
      "mutation ($items: [SubmitJobItem!]!) { submitJobs(items: $items) { __typename } }";
    return post(toBody(submit, { items }));
  });
}

function toBody(document: string, variables: object = {}): string {
  return JSON.stringify({ query: document, variables });
}
