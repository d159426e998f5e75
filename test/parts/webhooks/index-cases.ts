import type { JobStore } from "../../../src/engine/store/job-store.ts";
import { FROM_START } from "../../../src/parts/webhooks/due-webhooks.ts";
import { createWebhookStore } from "../../../src/parts/webhooks/webhook-store.ts";
import type { IndexCases } from "../../store/index-cases.ts";

const LIMIT = 21;

export const indexCases: IndexCases = {
  // "mine" has 100 of 100,000 deliveries that wait, which are due, and 100 that ended.
  seed: (numbers, nowMs) => `
    insert into webhooks (id, owner_id, url, secret, created_at)
      select case when n = 0 then 'whk_mine' else 'whk_' || n end, case when n = 0 then 'mine' else 'o' || n end,
        'https://a.example/' || n, case when n % 2 = 0 then 'whsec_' end, n from ${numbers(0, 900)};
    insert into webhook_deliveries (id, webhook_id, event, created_at, due_at, ended_at, of_origin)
      select 'msg_' || n, case when n <= 200 then 'whk_mine' else 'whk_' || (n % 900 + 1) end, 'JOB_SUCCEEDED', n,
        case when n <= 100 then n when n > 200 then ${nowMs} + 3600000 end, case when n between 101 and 200 then n end,
        case when n > 200 then (n % 900 + 1) % 2 else 0 end
      from ${numbers(1, 100_000)};
    insert into job_webhooks (job_id, webhook_id, url) select 'job_' || n, 'whk_' || n, 'https://a.example/' from ${numbers(1, 900)};
    update webhook_deliveries set job_id = 'job_' || (created_at % 900 + 1);`,
  tables: "webhook",
  reads: [
    ["what is due", (store) => claimsOf(store).listDue(FROM_START)],
    ["a claim, and what became of it", claimAndSettle],
    ["origins that no job names", (store) => claimsOf(store).deleteUnused("")],
    [
      "a page",
      (store) => webhooksOf(store).listDeliveries("whk_mine", { limit: LIMIT, after: null }),
    ],
    [
      "a later page",
      (store) => webhooksOf(store).listDeliveries("whk_mine", { limit: LIMIT, after: "msg_150" }),
    ],
    ["those of jobs", (store) => webhooksOf(store).readOfJobs(["job_1", "job_2"], "mine")],
    ["one that is to be made again", (store) => webhooksOf(store).redeliver("msg_150", "mine")],
    ["an owner's", (store) => webhooksOf(store).list("mine")],
  ],
};

const webhooksOf = (store: JobStore) => createWebhookStore(store).webhooks;
const claimsOf = (store: JobStore) => createWebhookStore(store).claims;

async function claimAndSettle(store: JobStore): Promise<void> {
  const claims = claimsOf(store);
  const { claimed } = await claims.claim("whk_mine");
  const [first] = claimed;
  if (first === undefined) throw new Error("nothing was claimed");
  const made = { at: 0, status: 500, durationMs: 1 };
  const ended = { state: "FAILED", made, retryMs: null, restMs: 0, isGone: false } as const;
  await claims.settle([{ claimed: first, ...ended }]);
}
