import { promises as dns } from "node:dns";
import { createServer, type Socket } from "node:net";

import { expect, onTestFinished, test, vi } from "vitest";

import { createPost } from "../../../src/parts/webhooks/post.ts";
import { createTargets } from "../../../src/parts/webhooks/target.ts";
import { listen } from "../../support/listen.ts";
import { startReceiver } from "../../support/receiver.ts";

const LOOPBACK = ["127.0.0.0/8"];
const MESSAGE = { body: "{}", headers: {}, signal: new AbortController().signal };

/** Posts to a server that does this with each connection. */
async function postTo(
  serve: (socket: Socket) => void,
  { scheme = "http", patienceMs = 15_000, allow = LOOPBACK } = {},
) {
  const { port } = await listen(createServer(serve));
  return await createPost(createTargets(allow), patienceMs)(
    `${scheme}://127.0.0.1:${port}/`,
    MESSAGE,
  );
}

const ignore = () => undefined;
const cut = (socket: Socket) => void socket.once("data", () => socket.destroy());
const refuseTls = (socket: Socket) => void socket.once("data", () => socket.end("no TLS here"));

test("the reason why no answer came is derived from how far a call got", async () => {
  expect(await postTo(ignore, { allow: [] })).toMatchObject({ failure: "NOT_ALLOWED" });
  expect(await postTo(refuseTls, { scheme: "https" })).toMatchObject({ failure: "TLS" });
  expect(await postTo(ignore, { patienceMs: 20 })).toMatchObject({ failure: "TIMED_OUT" });
  expect(await postTo(cut)).toMatchObject({ status: null, failure: "CUT_OFF" });
});

test("a name without an address, one of another network, and a port without a server are distinguished", async () => {
  onTestFinished(() => void vi.restoreAllMocks());
  vi.spyOn(dns, "lookup").mockRejectedValueOnce(new Error("nobody"));
  const post = createPost(createTargets(LOOPBACK));
  const send = (host: string) => post(`http://${host}:1/`, MESSAGE);
  expect(await send("shop.internal")).toMatchObject({ failure: "NO_ADDRESS" });
  expect(await send("localhost")).toMatchObject({ failure: "NO_CONNECTION" });
  const elsewhere = createPost(createTargets(["10.0.0.0/8"]))("http://localhost:1/", MESSAGE);
  expect(await elsewhere).toMatchObject({ failure: "NOT_ALLOWED" });
  expect(await send("127.0.0.1")).toMatchObject({ failure: "NO_CONNECTION" });
});

test("an answer has its status alone", async () => {
  const { url } = await startReceiver(() => 410);
  const answer = await createPost(createTargets(LOOPBACK))(url, MESSAGE);
  expect(answer).toEqual({ status: 410, retryAfterMs: 0 });
});
