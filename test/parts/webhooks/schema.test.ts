import { expect, test } from "vitest";

import { createWebhookStore } from "../../../src/parts/webhooks/webhook-store.ts";
import { createViewer } from "../../support/viewers.ts";
import { openInProcessGateway } from "../../schema/in-process-gateway.ts";
import { CATALOGUE } from "../../schema/scope-cases.ts";
import { SUBMITS_WITH_URL } from "./scope-cases.ts";

test("only its owner can read a webhook, even beside a scope for all jobs", async () => {
  const { store, answer } = await openInProcessGateway();
  const id = "whk_1";
  const settings = { url: "https://example.com/", events: null, deploymentId: null, tag: null };
  await createWebhookStore(store).webhooks.create({
    id,
    ownerId: "web",
    secret: "whsec_",
    ...settings,
  });
  const scopes = new Set(["webhooks", "jobs:read:all"] as const);
  const read = async (ownerId: string, asked: string) =>
    await answer(`{ webhook(id: "${asked}") { id } }`, {}, createViewer({ ownerId, scopes }));
  expect(await read("web", id)).toEqual({ data: { webhook: { id } } });
  const nothing = { data: { webhook: null } };
  expect(await read("shop", id)).toEqual(nothing);
  expect(await read("web", "whk_2")).toEqual(nothing);
});

test("a submit that names a URL which may not be called is refused, by every way to submit", async () => {
  const { answer } = await openInProcessGateway({ catalogue: CATALOGUE });
  for (const text of SUBMITS_WITH_URL)
    expect(
      JSON.stringify(await answer(text.replace(/https:[^"]*/, "http://localhost/"))),
      text,
    ).toContain("InvalidInputError");
});
