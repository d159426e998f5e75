import { once } from "node:events";
import { createServer } from "node:http";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { openFiles } from "../../src/files/open-files.ts";
import { advance } from "../../src/job/advance.ts";
import { createJob } from "../../src/job/job.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { toResult } from "../support/to-result.ts";

const log = pino({ level: "silent" });
const VENDOR = "https://api.runcomfy.net";

/** A place on loopback where a sandbox serves its pictures. */
async function servePictures() {
  const server = createServer((_request, response) => response.end("a picture")).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

/** A gateway's files, and how to end a job of an upstream whose output names a picture of the sandbox's. */
async function open(variables: Readonly<Record<string, string>>) {
  const origin = await servePictures();
  const config = loadConfig({
    FILES_URL: `file:${await createTemporaryFolder()}`,
    ...variables,
  });
  const upstream = config.upstream.name;
  const store = await openStore({ upstream, databaseUrl: ":memory:", log });
  onTestFinished(() => store.close());
  const publicUrl = () => "http://127.0.0.1:4000";
  const files = await openFiles({ store, config, upstreamOrigin: origin, publicUrl, log });
  onTestFinished(() => files.close());

  return async function succeedAt(of: string) {
    const url = `${origin}/${of.length}.png`;
    const facts = { ownerId: "local", deploymentId: "d", apiVersion: "v1", now: new Date() };
    const job = createJob({ ...facts, upstream: of });
    await store.jobs.insert({ job, input: {}, key: null });
    const seen = { kind: "succeeded", output: { images: [url] }, finishedAt: null } as const;
    await store.jobs.save(advance(job, seen, new Date(), of), toResult(seen.output, [url]));
    return async () => (await store.files.readMany([job.id]))[0]?.get(url)?.state;
  };
}

test("only a sandbox's jobs get files from the sandbox's address", async () => {
  const succeedAt = await open({ UPSTREAM: "sandbox" });
  const ofSandbox = await succeedAt("sandbox");
  const ofVendor = await succeedAt(VENDOR);
  await expect.poll(ofSandbox, { timeout: 10_000 }).toBe("KEPT");
  await expect.poll(ofVendor, { timeout: 10_000 }).toBe("FAILED");
});

test("with an account no job gets files from loopback, and a sandbox's wait until that is back", async () => {
  const succeedAt = await open({ RUNCOMFY_API_TOKEN: "token" });
  const ofSandbox = await succeedAt("sandbox");
  const ofVendor = await succeedAt(VENDOR);
  await expect.poll(ofVendor, { timeout: 10_000 }).toBe("FAILED");
  expect(await ofSandbox()).toBe("PENDING");
});
