import { expect, test } from "vitest";

import { verifyWebhook } from "../../../client/src/webhooks.ts";
import { createSecret } from "../../../src/parts/webhooks/webhook.ts";
import { toHeaders } from "../../../src/parts/webhooks/signature.ts";

const BODY = JSON.stringify({ type: "webhook.disabled", timestamp: "", data: {} });
const now = () => Math.floor(Date.now() / 1_000);

function sign(secret: string, { seconds = now(), body = BODY } = {}) {
  return toHeaders({ id: "msg_1", body, seconds }, [secret]);
}

test("what the gateway signs is verified, by either secret after a rotation", async () => {
  const [first, second] = [createSecret(), createSecret()];
  const headers = toHeaders({ id: "msg_1", body: BODY, seconds: now() }, [first, second]);
  for (const secret of [first, second]) {
    expect(await verifyWebhook({ body: BODY, headers, secret })).toEqual(JSON.parse(BODY));
    const asFetched = new Headers(headers);
    expect(await verifyWebhook({ body: BODY, headers: asFetched, secret })).toBeDefined();
  }
});

test("the example of the specification of Standard Webhooks is signed as it says", () => {
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const body = '{"test": 2432232314}';
  const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  const { "webhook-signature": signature } = toHeaders({ id, body, seconds: 1_614_265_330 }, [
    secret,
  ]);
  expect(signature).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

type Changed = {
  readonly body?: string;
  readonly secret?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

test.each<[string, Changed]>([
  ["another body", { body: `${BODY} ` }],
  ["another secret", { secret: createSecret() }],
  ["another id", { headers: { "webhook-id": "msg_2" } }],
  ["no signature", { headers: { "webhook-signature": "" } }],
  ["another version", { headers: { "webhook-signature": "v2,AAAA" } }],
  ["no timestamp", { headers: { "webhook-timestamp": "" } }],
])("%s is refused", async (_what, { body = BODY, headers = {}, ...changed }) => {
  const secret = createSecret();
  const given = { body, secret, headers: { ...sign(secret), ...headers }, ...changed };
  await expect(verifyWebhook(given)).rejects.toThrow(/not signed with this secret\. Check/);
});

test("a call that was recorded is refused once it is five minutes old", async () => {
  const secret = createSecret();
  for (const seconds of [now() - 400, now() + 400]) {
    const headers = sign(secret, { seconds });
    await expect(verifyWebhook({ body: BODY, headers, secret })).rejects.toThrow(/five minutes/);
  }
});
