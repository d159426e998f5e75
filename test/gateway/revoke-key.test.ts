import { expect, test } from "vitest";

import { createApiKeysFile, idOf } from "../auth/api-keys-file.ts";
import { closing, greet, init, nextMessage, subscribe } from "../server/open-socket.ts";
import { start } from "./open-gateway.ts";

const ENDS_WITHIN_MS = 5_000;
const FEED = "subscription { jobsUpdated { cursor } }";

test("a revoked key ends its socket and its event stream within seconds, and lets in nobody more", async () => {
  const keys = await createApiKeysFile();
  const key = await keys.create("web");
  const { url } = await start({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
  const graphqlUrl = `${url}/graphql`;
  const authorization = `Bearer ${key}`;
  const socket = await greet(graphqlUrl, init({ authorization }));
  socket.send(subscribe("1", FEED));
  socket.send(subscribe("2", "{ viewer { id } }"));
  expect(await nextMessage(socket)).toContain('"web"');
  const stream = await fetch(`${graphqlUrl}?query=${encodeURIComponent(FEED)}`, {
    headers: { accept: "text/event-stream", authorization },
  });
  expect(stream.status).toBe(200);
  const closed = closing(socket);
  const cut = expect(stream.text()).rejects.toThrow();
  const revokedAt = performance.now();
  await keys.run("revoke", idOf(key));
  expect(await closed).toMatchObject({ code: 4403 });
  await cut;
  expect(performance.now() - revokedAt).toBeLessThan(ENDS_WITHIN_MS);
  const response = await fetch(`${graphqlUrl}?query={__typename}`, { headers: { authorization } });
  expect(response.status).toBe(401);
});
