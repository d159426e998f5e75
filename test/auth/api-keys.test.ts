import crypto from "node:crypto";
import { rename, rm, utimes, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

import { expect, onTestFinished, test, vi } from "vitest";

import type { Authenticator } from "../../src/auth/authenticator.ts";
import { openApiKeys } from "../../src/auth/api-keys.ts";
import { createApiKeysFile, idOf } from "./api-keys-file.ts";
import { NO_LIMITS } from "../support/viewers.ts";
import { createRecordedLog } from "./recorded-log.ts";
import { GRANTS } from "../support/parts.ts";

const LIMITS = { ...NO_LIMITS, requestsPerSecond: 1_000, jobsPerDay: 100_000 };
const INVALID = expect.objectContaining({ name: "AuthenticationError", reason: "invalid" });

/** With a limit of a part. */
const WITH_LIMIT = { ...GRANTS, credentialLimits: { kitesUsdPerDay: "of kites, each day" } };

async function open(file: string, pollMs = 10, grants = GRANTS) {
  const recorded = createRecordedLog();
  const keys = await openApiKeys({
    ...grants,
    file,
    limits: LIMITS,
    log: recorded.log,
    pollMs,
  });
  onTestFinished(() => keys.close());
  return { keys, ...recorded };
}

function isLetIn(keys: Authenticator, key: string): Promise<boolean> {
  return keys.authenticate(`Bearer ${key}`).then(
    () => true,
    () => false,
  );
}

test("a key lets its owner in with its scopes, and its own limits replace the gateway's", async () => {
  const { file, create } = await createApiKeysFile();
  const web = await create("web");
  const operator = await create(
    "operator",
    ...["--scopes", "jobs:read:all", "--requests-per-second", "5", "--jobs-per-day", "none"],
  );
  const { keys } = await open(file);
  expect(await keys.authenticate(`Bearer ${web}`)).toMatchObject({
    viewer: {
      ownerId: "web",
      scopes: new Set(["jobs:submit", "jobs:cancel", "jobs:read"]),
      limits: LIMITS,
    },
    expiresAt: null,
  });
  const { viewer, isRevoked } = await keys.authenticate(`bearer ${operator}`);
  expect(viewer).toMatchObject({
    ownerId: "operator",
    scopes: new Set(["jobs:read:all"]),
    limits: { ...LIMITS, requestsPerSecond: 5, jobsPerDay: null },
  });
  expect(isRevoked()).toBe(false);
});

test("no other key is accepted, however near, and each costs the same comparison", async () => {
  const compare = vi.spyOn(crypto, "timingSafeEqual");
  syncBuiltinESMExports(); // Those who imported it by its name call the spy too.
  onTestFinished(() => {
    compare.mockRestore();
    syncBuiltinESMExports();
  });
  const { file, create } = await createApiKeysFile();
  const key = await create("web");
  const other = await create("other");
  const { keys } = await open(file);
  const id = idOf(key);
  const secret = key.slice(`rck_${id}_`.length);
  for (const wrong of [
    key.slice(0, -1),
    `${key}A`,
    `rck_${id}_${secret.slice(0, -1)}${secret.endsWith("A") ? "B" : "A"}`,
    `rck_${id.toUpperCase()}x_${secret}`,
    `rck_${idOf(other)}_${secret}`,
    `rck_${"0".repeat(16)}_${secret}`,
    "rck___proto___",
    secret,
    "eyJhbGciOiJub25lIn0.e30.",
  ]) {
    compare.mockClear();
    await expect(keys.authenticate(`Bearer ${wrong}`), wrong).rejects.toEqual(INVALID);
    expect(compare, wrong).toHaveBeenCalledTimes(1);
  }
  compare.mockClear();
  await keys.authenticate(`Bearer ${key}`);
  expect(compare).toHaveBeenCalledTimes(1);
});

test("keys are taken and revoked while the gateway runs, and only the changed one's sessions end", async () => {
  const { file, create, run } = await createApiKeysFile();
  const first = await create("web");
  const { keys } = await open(file);
  const admission = await keys.authenticate(`Bearer ${first}`);
  const second = await create("web");
  await expect.poll(() => isLetIn(keys, second)).toBe(true);
  expect(admission.isRevoked()).toBe(false);
  await run("revoke", idOf(first));
  await expect.poll(() => admission.isRevoked()).toBe(true);
  expect(await isLetIn(keys, first)).toBe(false);
  expect(await isLetIn(keys, second)).toBe(true);
});

test("a key whose scopes were changed ends its sessions, which come back with the new ones", async () => {
  const { file, create, read } = await createApiKeysFile();
  const key = await create("web");
  const { keys } = await open(file);
  const admission = await keys.authenticate(`Bearer ${key}`);
  await writeFile(file, JSON.stringify(await read()).replace('"jobs:cancel",', ""));
  await expect.poll(() => admission.isRevoked()).toBe(true);
  const { viewer } = await keys.authenticate(`Bearer ${key}`);
  expect(viewer.scopes).toEqual(new Set(["jobs:submit", "jobs:read"]));
});

test("a key is revoked only where the file has none, however long ago that was read", async () => {
  const { file, create } = await createApiKeysFile();
  await create("web");
  const { keys } = await open(file, 3_600_000);
  const id = idOf(await create("later"));
  expect(await keys.isRevoked({ id, signedBy: "" })).toBe(false);
  expect(await keys.isRevoked({ id: "0".repeat(16), signedBy: "" })).toBe(true);
});

test("what a key with approval submits needs approval, and as a new key does when that changes", async () => {
  const { file, create, read } = await createApiKeysFile();
  const [web, agent] = [await create("web"), await create("web", "--approval", "always")];
  const { keys } = await open(file);
  const needsApproval = async (key: string) =>
    (await keys.authenticate(`Bearer ${key}`)).viewer.credential.needsApproval;
  expect([await needsApproval(web), await needsApproval(agent)]).toEqual([false, true]);
  const { viewer, isRevoked } = await keys.authenticate(`Bearer ${web}`);
  const scopes = [...viewer.scopes];
  const claims = { ownerId: viewer.ownerId, scopes, credential: viewer.credential };
  expect(await keys.restore(claims)).toMatchObject({ viewer });
  const text = JSON.stringify(await read());
  await writeFile(file, text.replace('"salt"', '"approval":"always","salt"'));
  await expect.poll(() => needsApproval(web)).toBe(true);
  // What it had opened ends, a sign-in too, so nobody goes on as before.
  expect(isRevoked()).toBe(true);
  expect(await keys.restore(claims)).toBeNull();
});

test("a key has the limits in US dollars that parts know, beside its owner's, and its sign-ins have them too", async () => {
  const { file, create, read, run } = await createApiKeysFile(WITH_LIMIT);
  const limited = await create("web", "--kites-usd-per-day", "2.50", "--jobs-per-day", "7");
  const plain = await create("web");
  const { keys } = await open(file, 10, WITH_LIMIT);
  const { viewer } = await keys.authenticate(`Bearer ${limited}`);
  expect(viewer.credential.limits).toEqual({ kitesUsdPerDay: 2.5 });
  expect(viewer.limits).toEqual({ ...LIMITS, jobsPerDay: 7 });
  expect((await keys.authenticate(`Bearer ${plain}`)).viewer.credential.limits).toEqual({});
  const { id, signedBy } = viewer.credential;
  const kept = { ownerId: "web", scopes: [], credential: { id, signedBy, needsApproval: false } };
  expect((await keys.restore(kept))?.viewer.credential.limits).toEqual({ kitesUsdPerDay: 2.5 });
  expect((await run("list")).result).toMatch(/  jobsPerDay=7  kitesUsdPerDay=2\.5$/m);
  expect((await run("--help")).remark).toMatch(/  --kites-usd-per-day 2\.50 +of kites, each day\n/);
  for (const amount of ["0", "0.00", "-1", "1e3", "2.1234567", "none", ""])
    await expect(create("web", `--kites-usd-per-day=${amount}`), amount).rejects.toThrow(
      "--kites-usd-per-day must be US dollars above 0, such as 2.50.",
    );

  const text = JSON.stringify(await read());
  for (const [wrong, problem] of [
    ['"kitesUsdPerDay":0', /limits\.kitesUsdPerDay: must be above 0/],
    ['"kitesUsdPerDay":null', /limits\.kitesUsdPerDay: /],
    ['"boatsUsdPerDay":1', /limits: .*"boatsUsdPerDay"/],
  ] as const) {
    await writeFile(file, text.replace('"kitesUsdPerDay":2.5', wrong));
    await expect(open(file, 10, WITH_LIMIT), wrong).rejects.toThrow(problem);
  }
});

test("a credential is its key's id, and is revoked only when that is gone from the file, however often it was edited", async () => {
  const { file, create, read, run } = await createApiKeysFile();
  const [first, second] = [await create("web"), await create("web")];
  const { keys } = await open(file);
  const { viewer, isRevoked } = await keys.authenticate(`Bearer ${first}`);
  const { credential } = viewer;
  expect(credential).toMatchObject({ id: idOf(first), needsApproval: false });
  expect((await keys.authenticate(`Bearer ${second}`)).viewer.credential.id).toBe(idOf(second));
  await writeFile(file, JSON.stringify(await read()).replaceAll('"jobs:cancel",', ""));
  await expect.poll(isRevoked).toBe(true);
  expect(await keys.isRevoked(credential)).toBe(false);
  await run("revoke", idOf(first));
  await expect.poll(() => keys.isRevoked(credential)).toBe(true);
  // Such as a token's, or of a time without authentication.
  expect(await keys.isRevoked({ id: "user-1", signedBy: "k" })).toBe(true);
  expect(await keys.isRevoked({ id: null, signedBy: "" })).toBe(true);
});

test.each([
  ["is broken", (file: string) => writeFile(file, '{"keys":[{"id":')],
  ["is gone", (file: string) => rm(file)],
])("while the file %s the former keys go on, and the log says so once", async (_case, spoil) => {
  const { file, create, run } = await createApiKeysFile();
  const key = await create("web");
  const { keys, lines, of } = await open(file);
  await spoil(file);
  await expect.poll(() => of("error")).toHaveLength(1);
  expect(await isLetIn(keys, key)).toBe(true);
  expect(lines.map(({ text }) => text).join("\n")).not.toContain(idOf(key));
  // As a whole: half a file would be one more fault to report.
  await writeFile(`${file}-copy`, '{"keys":[]}');
  await rename(`${file}-copy`, file);
  await expect.poll(() => isLetIn(keys, key)).toBe(false);
  expect(of("error")).toHaveLength(1);
  await run("create", "--owner", "web");
  await expect.poll(() => of("info").join()).toContain('"keys":1');
});

test("a file of the same size, time and name is seen to be another one", async () => {
  const { file, create, read } = await createApiKeysFile();
  const key = await create("web");
  const time = new Date("2026-01-01T00:00:00Z");
  await utimes(file, time, time);
  const { keys } = await open(file);
  const other = JSON.stringify(await read(), null, 2).replace('"owner": "web"', '"owner": "wob"');
  await writeFile(`${file}-copy`, `${other}\n`);
  await utimes(`${file}-copy`, time, time);
  await rename(`${file}-copy`, file);
  await expect
    .poll(async () => (await keys.authenticate(`Bearer ${key}`)).viewer.ownerId)
    .toBe("wob");
});

test("a start without the file names the command that makes it, and one without keys warns", async () => {
  const { file, create, run } = await createApiKeysFile();
  const opening = open(file);
  await expect(opening).rejects.toThrow("npm run --silent key -- create --owner web");
  await expect(opening).rejects.toThrow(file);
  const key = await create("web");
  await run("revoke", key);
  const { keys, of } = await open(file);
  expect(await isLetIn(keys, key)).toBe(false);
  expect(of("warn").join()).toContain("nobody is admitted");
});

test("a scope that is no text is refused, as a list that holds the text of one is", async () => {
  const { file, create, read } = await createApiKeysFile();
  await create("web");
  const nested = JSON.stringify(await read()).replace('"jobs:read"', '["jobs:read"]');
  await writeFile(file, nested);
  await expect(open(file)).rejects.toThrow(/keys\[0\]\.scopes\[2\]: must be one of jobs:submit, /);
});

test("a start with a file that can't be used lists every problem and quotes no hash", async () => {
  const { file, create, read } = await createApiKeysFile();
  await create("web");
  const good = JSON.stringify(await read());
  const hash = /"hash":"([^"]+)"/.exec(good)?.[1] ?? "";
  const bad = good
    .replace('"owner":"web"', '"owner":"a\\u0000b"')
    .replace('"jobs:cancel"', '"jobs:all"')
    .replace(`"hash":"${hash}"`, `"hash":"${hash}x","limits":{"sockets":0,"speed":1}`)
    .replace('"salt"', '"approval":"sometimes","salt"');
  await writeFile(file, bad);
  const error: unknown = await open(file).catch((thrown: unknown) => thrown);
  for (const path of ["owner: ", "scopes[1]: ", "hash: ", "limits.sockets: ", "limits: "])
    expect(String(error)).toContain(`  keys[0].${path}`);
  expect(String(error)).toContain(`  keys[0].approval: must be "always", or left out`);
  expect(String(error)).not.toContain(hash);
  await writeFile(file, "[]");
  await expect(open(file)).rejects.toThrow("the file: ");
  await rm(file);
});
