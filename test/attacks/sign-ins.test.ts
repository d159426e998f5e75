import { afterAll, expect, test, vi } from "vitest";

import { askWho, postTo, toCookie } from "../gateway/signed-in.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";

vi.setConfig({ testTimeout: 120_000 });

const AT_ONCE = 20;
const ROUNDS = 4;

const gateway = await startAttackedGateway({ AUTH: "api-keys", SIGN_IN: "key" });
afterAll(() => gateway.end());

test("many sign-ins, and cookies that are made up or of who has signed out, are each answered", async () => {
  const { url, port } = gateway;
  const anna = await gateway.createKey("anna");
  const ben = await gateway.createKey("ben");
  const cookie = toCookie(await postTo(url, "sign-in", { ...ben }));
  const over = toCookie(await postTo(url, "sign-in", { ...ben }));
  expect((await postTo(url, "sign-out", { cookie: over })).status).toBe(204);
  const toForged = (at: number) =>
    `runcomfy-session-${port}=${String(at).padStart(43, "a")}.${"b".repeat(43)}`;
  const attack = async (at: number) => {
    const made = toForged(at);
    return await Promise.all([
      postTo(url, "sign-in", { ...anna, cookie: made }).then(({ status }) => status),
      postTo(url, "sign-out", { cookie: at % 2 === 0 ? made : over }).then(({ status }) => status),
      ...[made, over].map(async (one) => (await askWho(url, { origin: url, cookie: one }))[0]),
    ]);
  };
  const round = () => Promise.all(Array.from({ length: AT_ONCE }, (_, at) => attack(at)));
  const seen = new Set<unknown>();
  for (let count = 0; count < ROUNDS; count += 1)
    for (const status of (await round()).flat()) seen.add(status);
  expect(seen).toEqual(new Set([204, 401, 429]));
  expect(await askWho(url, { origin: url, cookie })).toEqual([200, "ben"]);
  await gateway.expectUnharmed();
});
