import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { createChannels } from "../../src/diagnostics/channels.ts";
import { startGateway } from "../../src/gateway.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { SubmitJobDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";
import { createDatabase } from "../support/postgres.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

/** After which the program gives up a stop. */
const STOP_DEADLINE_MS = 9_400;

async function openSilenceable() {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  const url = new URL(database.url);
  const link = await startTcpProxy({ port: Number(url.port) });
  onTestFinished(() => link.close());
  url.port = String(link.port);
  return { link, databaseUrl: url.href };
}

test(
  "a start that fails when its Postgres fell silent does not wait until that is taken for dead",
  { timeout: 30_000 },
  async () => {
    const { link, databaseUrl } = await openSilenceable();
    const upstream = await startFaultyUpstream();
    onTestFinished(() => upstream.close());
    let silentAt = Infinity;
    const channels = createChannels();
    channels.sql.subscribe((sql) => {
      // The last one of a start.
      if (!/^\s*update polls set due_at.* and due_at > /s.test(String(sql))) return;
      link.blackHole();
      silentAt = performance.now();
    });
    const failing = startGateway(
      loadConfig({
        PORT: new URL(upstream.url).port,
        DATABASE_URL: databaseUrl,
        RUNCOMFY_BASE_URL: upstream.url,
        RUNCOMFY_API_TOKEN: upstream.token,
      }),
      { log: pino({ level: "silent" }), channels },
    );
    await expect(failing).rejects.toThrow("is in use");
    expect(performance.now() - silentAt).toBeLessThan(STOP_DEADLINE_MS);
  },
);

test(
  "a gateway whose Postgres fell silent stops in time all the same",
  { timeout: 30_000 },
  async () => {
    const { link, databaseUrl } = await openSilenceable();
    const upstream = await startFaultyUpstream();
    onTestFinished(() => upstream.close());
    const config = loadConfig({
      PORT: "0",
      DATABASE_URL: databaseUrl,
      RUNCOMFY_BASE_URL: upstream.url,
      RUNCOMFY_API_TOKEN: upstream.token,
    });
    const gateway = await startGateway(config, { log: pino({ level: "silent" }) });
    const variables = { deploymentId: "long", input: { prompt: "slow" } };
    for (let jobs = 0; jobs < 5; jobs++) {
      const { submitJob } = await request(gateway.url, SubmitJobDocument, variables);
      expect(submitJob).toMatchObject({ __typename: "SubmitJobSuccess" });
    }
    link.blackHole();
    const asking = fetch(`${gateway.url}/ready`).catch(() => null);
    const startedAt = performance.now();
    await gateway.close().catch(() => undefined);
    expect(performance.now() - startedAt).toBeLessThan(STOP_DEADLINE_MS);
    await asking;
  },
);
