import { createServer } from "node:http";

import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { openFiles } from "../../src/files/open-files.ts";
import { openStore } from "../../src/store/open-store.ts";
import { listen } from "../support/listen.ts";
import { silent, succeedWith } from "../support/open-keeper.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

/** A gateway's files, and how to end a job of an upstream whose output names a picture of the sandbox's. */
async function open(variables: Readonly<Record<string, string>>) {
  // A place on loopback where a sandbox serves its pictures.
  const { origin } = await listen(createServer((_request, response) => response.end("a picture")));
  const config = loadConfig({ FILES_URL: `file:${await createTemporaryFolder()}`, ...variables });
  const upstream = config.upstream.name;
  const store = await openStore({ upstream, databaseUrl: ":memory:", log: silent });
  onTestFinished(() => store.close());
  const publicUrl = () => "http://127.0.0.1:4000";
  const files = await openFiles({ store, config, upstreamOrigin: origin, publicUrl, log: silent });
  onTestFinished(() => files.close());

  return async function succeedAt(of: string) {
    const url = `${origin}/${of.length}.png`;
    const { id } = await succeedWith(store, [url], of);
    return async () => (await store.files.readMany([id]))[0]?.get(url)?.state;
  };
}

test("only a sandbox's jobs get files from the sandbox's address", async () => {
  const succeedAt = await open({ UPSTREAM: "sandbox" });
  const ofSandbox = await succeedAt("sandbox");
  const ofVendor = await succeedAt("https://api.runcomfy.net");
  await expect.poll(ofSandbox).toBe("KEPT");
  await expect.poll(ofVendor).toBe("FAILED");
});

test("with an account no job gets files from loopback, and a sandbox's wait until that is back", async () => {
  const succeedAt = await open({ RUNCOMFY_API_TOKEN: "token" });
  const ofSandbox = await succeedAt("sandbox");
  const ofVendor = await succeedAt("https://api.runcomfy.net");
  await expect.poll(ofVendor).toBe("FAILED");
  expect(await ofSandbox()).toBe("PENDING");
});
