import { createServer } from "node:http";

import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { createFindOwner, openFiles } from "../../src/engine/files/open-files.ts";
import { nameUpstream, SANDBOX } from "../../src/engine/job/upstream.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { listen } from "../support/listen.ts";
import { silent, succeedWith } from "../support/open-keeper.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

/** A gateway's files, and how to end a job of an upstream whose output names a picture of the sandbox's. */
async function open(variables: Readonly<Record<string, string>>) {
  // A place on loopback where a sandbox serves its pictures.
  const { origin } = await listen(createServer((_request, response) => response.end("a picture")));
  const FILES_URL = `file:${await createTemporaryFolder()}`;
  const config = loadConfig({ FILES_URL, KEEP_OUTPUTS: "true", ...variables });
  const { upstream: configured } = config;
  const upstream = configured.kind === "sandbox" ? SANDBOX : nameUpstream(configured, null);
  const store = await openStore({ upstream, databaseUrl: ":memory:", log: silent });
  onTestFinished(() => store.close());
  const files = await openFiles({
    store,
    config,
    upstreamOrigin: origin,
    log: silent,
  });
  onTestFinished(() => files.close());

  return async function succeedAt(of: string) {
    const url = `${origin}/${of.length}.png`;
    const { id } = await succeedWith(store, [url], { upstream: of });
    files.onKeep?.();
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

test("all who ask while the database is asked share the next statement, which knows what was deleted by then, and does not fail with the one before", async () => {
  const owners = new Map([
    ["a.png", "a"],
    ["b.png", "b"],
  ]);
  const asked: (readonly string[])[] = [];
  const { promise: answered, reject: fail } = Promise.withResolvers<void>();
  const findOwner = createFindOwner({
    async findOwners(names) {
      asked.push(names);
      const found = new Map(owners);
      if (asked.length === 1) await answered;
      return found;
    },
  });
  const first = findOwner("a.png");
  await expect.poll(() => asked.length).toBe(1);
  owners.delete("a.png");
  const others = ["a.png", "b.png", "a.png", "c.png"].map(findOwner);
  fail(new Error("the database is away"));
  await expect(first).rejects.toThrow("away");
  expect(await Promise.all(others)).toEqual([null, "b", null, null]);
  expect(asked).toEqual([["a.png"], ["a.png", "b.png", "a.png", "c.png"]]);
});
