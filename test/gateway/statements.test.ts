import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import { collectStatements } from "../support/collect-statements.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { ask } from "../support/graphql-client.ts";
import { createDatabase } from "../support/postgres.ts";

/** Polls, what gateways do every few seconds, and what tells the others, five times a second at most. */
const BESIDE =
  /\bpolls\b|json_each|kept_files|file_places|pending_deletions|"uploads"|"runs"|"pauses"|"abandoned"|"created_at" <|pg_notify/;

test.each(["SQLite", "Postgres"])(
  "on %s a job takes 14 statements from its submit to its end, beside its polls",
  async (kind) => {
    const { gateway, upstream, statements } = await open(
      kind === "SQLite" ? ":memory:" : await openPostgres(),
    );
    upstream.script("dep", ["in_progress", "succeeded"]);
    const query = `mutation { submitJob(deploymentId: "dep", input: { prompt: "a cat" }, idempotencyKey: "k") { __typename } }`;
    const response = await fetch(`${gateway.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query }),
    });
    expect(await response.text()).toContain("SubmitJobSuccess");
    const hasEnded = () => statements.lastIndexOf("commit") > findOutput();
    const findOutput = () => statements.findIndex((sql) => sql.includes(`"output" = `));
    await expect.poll(() => findOutput() > 0 && hasEnded(), { timeout: 10_000 }).toBe(true);
    const own = statements.filter((sql) => !BESIDE.test(sql));
    expect(own).toHaveLength(14);
  },
);

test("one statement finds all deployments that an operation asks for", async () => {
  const { gateway, statements } = await open(":memory:");
  const fields = Array.from({ length: 50 }, (_, place) => `d${place}: node(id: "${place}") { id }`);
  const { d1 } = await ask(gateway.url, `{ ${fields.join(" ")} }`);
  expect(d1).toBeNull();
  const own = statements.filter((sql) => /deployment_id = /.test(sql));
  expect(own).toHaveLength(1);
});

/** A gateway, and what it has asked its database since it started. */
async function open(databaseUrl: string) {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const { channels, statements } = collectStatements();
  const config = loadConfig({
    PORT: "0",
    DATABASE_URL: databaseUrl,
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
  });
  const gateway = await startGateway(config, {
    log: pino({ level: "silent" }),
    channels,
  });
  onTestFinished(() => gateway.close());
  statements.length = 0;
  return { gateway, upstream, statements };
}

async function openPostgres(): Promise<string> {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}
