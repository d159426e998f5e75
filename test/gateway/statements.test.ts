import { expect, test } from "vitest";

import { collectStatements } from "../support/collect-statements.ts";
import { PART_TABLES } from "../support/part-tables.ts";
import { DATABASES, KINDS, start } from "./open-gateway.ts";

/** How many there are depends on what is written together. */
const IS_TRANSACTION = /^(?:begin|commit|savepoint|release)/;
/** Polls, what gateways do as they start and every few seconds, and what notifies the others, five times a second at most. */
const OF_ENGINE =
  /\bpolls\b|json_each|kept_files|file_places|pending_deletions|\buploads\b|sign_ins|part_triggers|upstream_webhook|late_costs|"runs"|"pauses"|\babandoned\b|"created_at" <|detached_ms [+<]|\bholds\b|pg_notify/;
const OF_PARTS = PART_TABLES.map(({ name }) => name.replace(/s$/, ""));
const BESIDE = new RegExp([OF_ENGINE.source, ...OF_PARTS].join("|"));

test.each(KINDS)(
  "on %s a job takes 10 statements from its submit to its end, beside its polls",
  async (kind) => {
    const { channels, statements } = collectStatements();
    const { ask, upstream } = await start({ DATABASE_URL: await DATABASES[kind]() }, { channels });
    statements.length = 0;
    upstream.script("dep", ["in_progress", "succeeded"]);
    const { submitJob } = await ask(
      `mutation { submitJob(deploymentId: "dep", input: { prompt: "a cat" }, idempotencyKey: "k") { __typename } }`,
    );
    expect(submitJob).toEqual({ __typename: "SubmitJobSuccess" });
    const hasEnded = () => statements.lastIndexOf("commit") > findOutput();
    const findOutput = () => statements.findIndex((sql) => sql.includes(`"output" = `));
    await expect.poll(() => findOutput() > 0 && hasEnded(), { timeout: 10_000 }).toBe(true);
    const left = statements.filter((sql) => !BESIDE.test(sql) && !IS_TRANSACTION.test(sql));
    expect(left).toHaveLength(10);
  },
);
