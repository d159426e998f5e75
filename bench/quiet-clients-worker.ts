import { once } from "node:events";
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { parentPort, workerData } from "node:worker_threads";

import type { Wait, WaitKind } from "./quiet-clients.ts";

const EVERY_MS = 50;
/** A file is more work than a question. */
const FILES_EVERY_MS = 500;
const CREATE = `mutation { createUpload(fileName: "a.png", contentType: "image/png", bytes: 70) {
  ... on CreateUploadSuccess { upload { putUrl } }
} }`;
/** One pixel. */
const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const { url, authorization, body, file } = workerData;
const [forJobs, forHealth, forFiles] = Array.from(
  { length: 3 },
  () => new Agent({ keepAlive: true, maxSockets: 1 }),
);

async function send(path: string, agent: Agent | undefined, method = "GET", content = "") {
  const asked = request(new URL(path, url), {
    agent: agent ?? false,
    method,
    headers: method === "POST" ? { "content-type": "application/json", authorization } : {},
  });
  asked.end(method === "PUT" ? PICTURE : content);
  const [response] = await once(asked, "response");
  return { status: response.statusCode, answer: await text(response) };
}

const askJob = async (agent?: Agent): Promise<boolean> =>
  (await send(url, agent, "POST", body)).answer.startsWith('{"data":{"job":{');
const KINDS: Record<WaitKind, () => Promise<boolean>> = {
  "job(id)": () => askJob(forJobs),
  "new connections": () => askJob(),
  "/health": async () => (await send("/health", forHealth)).status === 200,
  async files() {
    const { answer } = await send(url, forFiles, "POST", JSON.stringify({ query: CREATE }));
    const { pathname, search } = new URL(JSON.parse(answer).data.createUpload.upload.putUrl);
    const put = await send(`${pathname}${search}`, forFiles, "PUT");
    return put.status === 204 && (await send(file, forFiles)).status === 200;
  },
};

const answers = new Map<WaitKind, Promise<boolean>>();
const underWay = new Set<{ readonly kind: WaitKind; readonly sentAt: number }>();
let waits: Wait[] = [];
let since = Infinity;

async function ask(kind: WaitKind): Promise<void> {
  const one = { kind, sentAt: performance.now() };
  underWay.add(one);
  const isAnswered = await join(kind).catch(() => false);
  underWay.delete(one);
  note(one, isAnswered);
}

/** Each kind has one request at a time. Who is due meanwhile waits for its answer, and not for others of the kind. */
function join(kind: WaitKind): Promise<boolean> {
  const answer = answers.get(kind) ?? KINDS[kind]().finally(() => answers.delete(kind));
  answers.set(kind, answer);
  return answer;
}

function note({ kind, sentAt }: { kind: WaitKind; sentAt: number }, isAnswered: boolean): void {
  if (sentAt >= since) waits.push({ kind, isAnswered, tookMs: performance.now() - sentAt });
}

// At fixed times, so that a gateway that is held up is asked no less.
for (const kind of ["job(id)", "new connections", "/health"] as const)
  setInterval(() => void ask(kind), EVERY_MS);
if (file !== null) setInterval(() => void ask("files"), FILES_EVERY_MS);

parentPort?.on("message", (message: "begin" | "end") => {
  if (message === "begin") {
    since = performance.now();
    waits = [];
    return;
  }
  // Who still waits has waited at least so long.
  for (const one of underWay) note(one, true);
  parentPort?.postMessage(waits, []);
});
