import { join } from "node:path";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import { createApiKeysFile, idOf } from "../auth/api-keys-file.ts";
import { closing, init, nextMessage, open, subscribe } from "../server/open-socket.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const ENDS_WITHIN_MS = 5_000;
const FEED = "subscription { jobsUpdated { cursor } }";

test("a revoked key ends its socket and its event stream within seconds, and lets in nobody more", async () => {
  const keys = await createApiKeysFile();
  const key = await keys.create("web");
  const config = loadConfig({
    PORT: "0",
    SANDBOX_PORT: "0",
    DATABASE_URL: `file:${join(await createTemporaryFolder(), "gateway.db")}`,
    AUTH: "api-keys",
    API_KEYS_FILE: keys.file,
  });
  const gateway = await startGateway(config, { log: pino({ level: "silent" }) });
  onTestFinished(() => gateway.close());
  const graphqlUrl = `${gateway.url}/graphql`;
  const authorization = `Bearer ${key}`;
  const socket = await open(graphqlUrl, init({ authorization }));
  await nextMessage(socket);
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
