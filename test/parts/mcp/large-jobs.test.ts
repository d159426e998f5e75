import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { ATTACKED_DATABASES, type AttackedDatabase } from "../../attacks/attacked-databases.ts";
import { type AttackedGateway, startAttackedGateway } from "../../attacks/attacked-gateway.ts";

vi.setConfig({ testTimeout: 120_000 });

const URLS = 1_000;
/** A thousand files whose URLs take 8 MB, and whose copies are still to come. */
const LONG_ID = "job_long";
const toLongUrl = (at: number) => `https://x.runcomfy.net/${at}.png?signature=`.padEnd(8_000, "a");
const ASSETS = Array.from({ length: URLS }, (_, at) => ({
  url: toLongUrl(at),
  path: `images[${at}]`,
  kind: "IMAGE",
}));
const LONG_ASSETS = JSON.stringify(ASSETS);
const FIRST_ASSETS = JSON.stringify(ASSETS.slice(0, 1));
const LONG_JOB = `
  insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version, created_at, updated_at,
    finished_at, work, submit_until)
  values ('${LONG_ID}', 'local', 'lora', 'd', 'sandbox', 'v1', 'SUCCEEDED', 3, 1000, 2000, 2000, 1, 0);
  insert into job_documents (job_id, input_bytes, input) values ('${LONG_ID}', 2, '{}');
  insert into job_assets (job_id, bytes, assets)
  values ('${LONG_ID}', ${LONG_ASSETS.length}, '${LONG_ASSETS}');
  insert into first_assets (job_id, count, assets) values ('${LONG_ID}', ${URLS}, '${FIRST_ASSETS}');
  insert into kept_files (job_id, number, url, state, due_at)
  values ${Array.from({ length: URLS }, (_, at) => `('${LONG_ID}', ${at}, '${toLongUrl(at)}', 'PENDING', 9000000000000)`).join()};`;
const WAITS = 100;
const GETS = 16;
/** A gateway that has begun takes 180, and each answer a quarter of one. */
const MAX_MIB = 450;

describe.each(ATTACKED_DATABASES)("on %s", (_name, openDatabase) => {
  let database: AttackedDatabase;
  let gateway: AttackedGateway;

  beforeAll(async () => {
    database = await openDatabase();
    gateway = await startAttackedGateway({ DATABASE_URL: database.url });
  }, 60_000);

  afterAll(async () => {
    await gateway.end();
    await database.drop();
  });

  test("calls that wait for a job with very long URLs, or get it, on many connections, hold little memory", async () => {
    await database.execute(LONG_JOB);
    const call = async (name: string) => {
      const message = { method: "tools/call", params: { name, arguments: { id: LONG_ID } } };
      const accept = "application/json, text/event-stream";
      const headers = { "content-type": "application/json", accept };
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, ...message });
      return await (await fetch(`${gateway.url}/mcp`, { method: "POST", headers, body })).text();
    };
    const answers = await Promise.all([
      ...Array.from({ length: WAITS }, () => call("wait_for_job")),
      ...Array.from({ length: GETS }, () => call("get_job")),
    ]);
    for (const answer of answers) {
      expect(answer.includes(`"asset_count":${URLS}`) || answer.slice(0, 300)).toBe(true);
      expect(answer.length).toBeLessThan(500_000);
    }
    expect(gateway.readPeakMib()).toBeLessThan(MAX_MIB);
  });
});
