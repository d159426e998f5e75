import { describe } from "vitest";

import { usePostgres, useSqlite } from "../../store/store-context.ts";
import type { Context } from "../../store/store-jobs.ts";
import { describeJobWebhooks } from "./job-webhooks.contract.ts";
import { describeWebhooks } from "./webhook-rows.contract.ts";

const EMPTY = "delete from webhooks; delete from webhook_secrets";

function describeBoth(context: Context): void {
  describeWebhooks(context);
  describeJobWebhooks(context);
}

describe("webhooks on SQLite", () => {
  describeBoth(useSqlite(EMPTY));
});
describe("webhooks on Postgres", () => {
  describeBoth(usePostgres(EMPTY));
});
