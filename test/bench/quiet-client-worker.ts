import { once } from "node:events";
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

const PAUSE_MS = 4;
const { url, headers } = workerData;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

for (;;) {
  const startedAt = performance.now();
  const asked = request(url, {
    agent,
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
  });
  asked.end('{"query":"{ jobs(first: 1) { edges { node { id } } } }"}');
  const [response] = await once(asked, "response");
  const answer = await text(response);
  const isAnswered = answer.startsWith('{"data"');
  parentPort?.postMessage({ isAnswered, tookMs: performance.now() - startedAt }, []);
  await sleep(PAUSE_MS);
}
