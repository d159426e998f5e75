import { once } from "node:events";
import { request } from "node:http";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import sharp from "sharp";

import { openFileStore } from "../src/engine/files/open-file-store.ts";
import { createSignedUrls } from "../src/engine/files/signed-urls.ts";
import { NOT_KEPT } from "../src/engine/job/asset.ts";
import { REFUSED_DOCUMENTS, SERVED_DOCUMENTS } from "../test/attacks/exploding-documents.ts";
import { BAD_FRAMES, BAD_MESSAGES, text } from "../test/attacks/hostile-frames.ts";
import { AMBIGUOUS, BODIES, toRequest, UNUSUAL } from "../test/attacks/hostile-requests.ts";
import { toAvifOfBoxes, toLargePng } from "../test/attacks/large-pictures.ts";
import { openRawWebSocket } from "../test/attacks/raw-web-socket.ts";
import type { FaultName } from "../test/support/faulty-upstream/faults.ts";
import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { toManyJobs, toManyTags, toManyTexts } from "../test/support/many-jobs.ts";
import { exchange, openSocket, whenClosed } from "../test/support/raw-socket.ts";
import type { Attacker, AttackRow } from "./attack.ts";
import { FINISHED, fillStore, query, storeFinishedJob, toJobId } from "./example-job.ts";
import { openUpload, send, toLocal } from "./send-file.ts";
import { WEBHOOK_ATTACKS } from "./webhook-attacks.ts";

/** The most that the gateway takes of each. */
const MUTATIONS = 10;
const CHARACTERS = 10_000;
const MEMBERS = Object.fromEntries(
  Array.from({ length: 20_000 }, (_, at) => [`m${10_000 + at}`, 1]),
);
const OWNER = "greedy";
const LARGE_JOB = toJobId(1);
const ORIGIN_OF_FILES = "https://files.runcomfy.net";
const SCHEMA = "{ __schema { types { description fields { name description } } } }";
const CONSOLE = "https://console.example.com";
const READ = `{ job(id: "${LARGE_JOB}") { output } }`;
const ADD_DOCUMENTS = `
  insert into job_documents (job_id, input_bytes, input)
  select id, 2, '{}' from jobs where owner_id = '${OWNER}';`;
const PAGE = "{ jobs(first: 100) { totalCount edges { node { id input history { at } } } } }";
const PING = text(JSON.stringify({ type: "ping", payload: { text: "x".repeat(60_000) } }));
const HELD_MS = 5_000;
/** How many connections an attack has that is wide. */
const WIDE = 2_000;
const DOWNLOADS = 500;
/** As large and as deep as may be. */
const ADD_DEEP_INPUTS = `
  insert into job_documents (job_id, input_bytes, input)
  select id, 260000, '{"values":${"[".repeat(60)}1${",1".repeat(129_000)}${"]".repeat(60)}}' from jobs
    where owner_id = '${OWNER}';
  insert into kept_files (job_id, number, url, state)
  with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 200)
  select id, n, 'https://files.example/' || n, 'FAILED' from jobs cross join numbers
    where owner_id = '${OWNER}';`;
const FILES = Array.from({ length: 100 }, (_, at) => ({
  url: `https://files.example/${at + 1}`,
  path: `images[${at}]`,
  kind: "IMAGE",
}));
const ADD_KEPT_FILES = `${ADD_DOCUMENTS}
  insert into job_assets (job_id, bytes, assets)
  select id, 9000, '${JSON.stringify(FILES)}' from jobs where owner_id = '${OWNER}';
  insert into kept_files (job_id, number, url, state, file, content_type, bytes, width, height)
  with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 100)
  select id, n, 'https://files.example/' || n, 'KEPT', id || '-' || n || '.png', 'image/png', 70, 1, 1
    from jobs cross join numbers where owner_id = '${OWNER}';`;
/** Of 256 KiB: what nests deeper than anything may, and as many lists as deep as an input may be. */
const DEEP = nest(125_000);
const LISTS = `[${`${nest(60)},`.repeat(2_000)}0]`;

/** Each goes as far as the limits let it. */
export const ATTACK_ROWS: Readonly<Record<string, AttackRow>> = {
  nothing: {
    what: "nothing, which shows what the machine is good for",
    attack: async () => undefined,
  },
  reruns: ask(
    "reruns of a large job under a known key",
    toMutation(`rerunJob(id: "${LARGE_JOB}", idempotencyKey: "again")`),
    {
      seed: (databaseUrl) =>
        storeFinishedJob(databaseUrl, { ownerId: OWNER, number: 1, input: MEMBERS }),
    },
  ),
  submits: ask(
    "submits of a large input under a known key",
    toMutation('submitJob(deploymentId: "d", input: $input, idempotencyKey: "again")', MEMBERS),
  ),
  "new-submits": ask(
    "submits of a large input",
    toMutation('submitJob(deploymentId: "d", input: $input)', MEMBERS),
  ),
  "refused-submits": ask(
    "submits by 64 clients that their owner's budget refuses, under a budget of everybody's",
    toBody('mutation { submitJob(deploymentId: "d", input: {}) { __typename } }'),
    {
      environment: {
        ...{ BUDGET_USD_PER_DAY: "1000", BUDGET_UNKNOWN_USD: "0.01" },
        OWNER_BUDGET_USD_PER_DAY: "0.01",
      },
    },
    64,
  ),
  "many-submits": ask(
    "submits of 100 jobs in one mutation",
    toBody("mutation ($items: [SubmitJobItem!]!) { submitJobs(items: $items) { __typename } }", {
      items: Array.from({ length: 100 }, (_, at) => ({ deploymentId: "d", input: { at } })),
    }),
  ),
  queued: {
    what: "nothing more, with as many jobs in the queue as there may be, all of which are polled",
    seed: (databaseUrl, _filesUrl, upstream) => storeQueue(databaseUrl, 10_000, upstream),
    attack: async () => undefined,
  },
  "submits-queued": ask(
    "submits by 64 clients, with 9,000 jobs in the queue and then as many as there may be",
    toBody('mutation { submitJob(deploymentId: "d", input: {}) { __typename } }'),
    {
      seed: (databaseUrl, _filesUrl, upstream) => storeQueue(databaseUrl, 9_000, upstream),
    },
    64,
  ),
  matching: ask(
    "deletes of all that hold a text, among 10,000 prompts that are hard to tell apart",
    toBody(
      `mutation { deleteMatchingJobs(filter: { text: "${"a".repeat(199)}b" }, createdBefore: "2099-01-01T00:00:00Z") { done } }`,
    ),
    { seed: storeJobs(10_000, toManyTexts(OWNER, "a".repeat(4_000))) },
  ),
  keeps: ask(
    "keepOutputs of a job with an output of 8 MB",
    toMutation(`keepOutputs(jobId: "${LARGE_JOB}")`),
    { seed: storeLargeJob },
  ),
  assets: ask(
    "reads of the assets of such a job",
    toBody(`{ job(id: "${LARGE_JOB}") { assets { url } } }`),
    { seed: storeLargeJob },
  ),
  outputs: ask("reads of such an output", toBody(READ), { seed: storeLargeJob }),
  "kept-urls": ask(
    "pages of 100 jobs with 100 outputs each, with the URLs of their copies",
    toBody("{ jobs(first: 100) { edges { node { assets { keptUrl thumbnailUrl } } } } }"),
    { seed: storeJobs(100, ADD_KEPT_FILES) },
  ),
  texts: ask(
    "searches among 10,000 prompts that are hard to tell apart",
    toBody(`{ jobs(filter: { text: "${"a".repeat(199)}b" }) { edges { cursor } } }`),
    { seed: storeJobs(10_000, toManyTexts(OWNER, "a".repeat(4_000))) },
  ),
  tags: ask(
    "searches for a tag of 200,000 jobs with a status of none",
    toBody('{ jobs(filter: { tag: "all", status: FAILED }) { edges { cursor } } }'),
    { seed: storeJobs(200_000) },
  ),
  "tag-counts": ask(
    "counts of 200,000 tags, each of one job",
    toBody("{ tags(first: 100) { tag } }"),
    { seed: storeJobs(200_000, toManyTags(OWNER)) },
  ),
  edits: ask(
    "edits of 100 jobs in one mutation",
    toBody(
      "mutation ($ids: [ID!]!) { on: editJobs(ids: $ids, isStarred: true) { __typename } off: editJobs(ids: $ids, isStarred: false) { __typename } }",
      { ids: Array.from({ length: 100 }, (_, at) => `job_${at + 1}`) },
    ),
    { seed: storeJobs(10_000) },
  ),
  downloads: {
    what: "downloads of 500 jobs with the deepest inputs, each with 200 files that aren't kept",
    seed: storeJobs(DOWNLOADS, ADD_DEEP_INPUTS),
    attack: ({ url, post, count, repeat }) =>
      repeat(8, async () => {
        const ids = Array.from({ length: DOWNLOADS }, (_, at) => `job_${at + 1}`);
        const create = `mutation ($ids: [ID!]!) { createDownload(ids: $ids) { __typename ... on CreateDownloadSuccess { download { url } } } }`;
        const [signed = ""] = /http[^"]+/.exec(await post(toBody(create, { ids }))) ?? [];
        await count(send(toLocal(signed, url), "GET"));
      }),
  },
  pages: ask("pages of 100 jobs of 10,000 with a count", toBody(PAGE), {
    seed: storeJobs(10_000, ADD_DOCUMENTS),
  }),
  flood: ask("far more requests than an owner may send", toBody(PAGE), {}, 64),
  "wide-flood": ask(
    "far more requests than an owner may send, on 2,000 connections",
    toBody(PAGE),
    {},
    WIDE,
  ),
  cancels: {
    what: "200 cancels a second of 10 jobs that are being submitted",
    setUpstream: (upstream) => upstream.slow("submit", 9_500),
    async attack({ post, repeat }) {
      const submit = toBody('mutation { submitJob(deploymentId: "d", input: {}) { __typename } }');
      const list = toBody(
        "{ jobs(first: 10, filter: { status: SUBMITTING }) { edges { node { id } } } }",
      );
      let ids: readonly string[] = [];
      await Promise.all([
        repeat(10, () => post(submit)),
        repeat(1, async () => {
          ids = (await post(list)).match(/job_[0-9a-f]{32}/g) ?? [];
          await sleep(500);
        }),
        repeat(1, async () => {
          const cancel = `mutation ($ids: [ID!]!) { cancelJobs(ids: $ids) { __typename } }`;
          if (ids.length > 0) void post(toBody(cancel, { ids }));
          await sleep(5);
        }),
      ]);
    },
  },
  sockets: {
    what: "200 sockets with 200 queries and 300 pings each, nothing read",
    seed: storeLargeJob,
    attack: ({ openSocket: open, repeat }) =>
      repeat(200, async () => {
        const { socket, say, send: sendFrames, closed } = await open();
        await Promise.race([once(socket, "data"), closed]);
        socket.pause();
        say(...toQuestions(200));
        for (let pings = 0; pings < 300 && socket.writable; pings++) {
          sendFrames(PING);
          if (socket.writableNeedDrain) await Promise.race([once(socket, "drain"), closed]);
        }
        await Promise.race([closed, sleep(HELD_MS)]);
        socket.destroy();
      }),
  },
  "wide-sockets": {
    what: "sockets that are opened again and again, 2,000 at once",
    attack: ({ openSocket: open, repeat }) =>
      repeat(WIDE, async () => {
        const { socket, closed } = await open();
        await Promise.race([once(socket, "data"), closed]);
        socket.destroy();
      }),
  },
  documents: {
    what: "documents of 10,000 characters that were never sent before",
    async attack({ post, repeat }) {
      let number = 0;
      await repeat(32, () => {
        const prefix = `a${(number += 1).toString(36)}`;
        const field = (at: number) => `${prefix}_${at}:node(id:"x"){id} `;
        const most = Math.floor((CHARACTERS - 10) / field(999).length);
        return post(toBody(`{${Array.from({ length: most }, (_, at) => field(at)).join("")}}`));
      });
    },
  },
  "hang-ups": {
    what: "clients that hang up on large answers",
    seed: storeLargeJob,
    attack: ({ port, keys, openSocket: open, repeat }) =>
      repeat(32, async (lane) => {
        if (lane % 2 === 0) {
          const client = await openSocket(port);
          client.write(toRequest(toBody(READ), `Authorization: Bearer ${keys[0]}\r\n`));
          await sleep(50);
          client.destroy();
        } else {
          const { socket, say } = await open();
          say(...toQuestions(20));
          await sleep(500);
          socket.destroy();
        }
      }),
  },
  boxes: {
    what: "uploads of an AVIF of 512 KiB of tiny boxes",
    hasFiles: true,
    attack: (attacker) => uploadAgain(attacker, 4, [["image/avif", toAvifOfBoxes()]]),
  },
  pictures: {
    what: "uploads of the largest pictures that are stripped",
    environment: { UPLOAD_STRIP_METADATA: "true" },
    hasFiles: true,
    attack: async (attacker) =>
      await uploadAgain(attacker, 6, [
        ["image/avif", await toLargeAvif(2_780)],
        ["image/png", toLargePng(7_200)],
      ]),
  },
  thumbnails: {
    what: "thumbnails of the largest kept pictures that are drawn",
    hasFiles: true,
    seed: storePictures,
    async attack({ url, post, count, repeat }) {
      const widths = [64, 320, 640, 1_024].map(
        (width) => `t${width}: thumbnailUrl(width: ${width})`,
      );
      const answer = await post(
        toBody(`{ job(id: "${LARGE_JOB}") { assets { ${widths.join(" ")} } } }`),
      );
      const urls = answer.match(/https:[^"]+/g)?.map((one) => toLocal(one, url)) ?? [];
      if (urls.length === 0) throw new Error("The pictures are too large for thumbnails.");
      await repeat(
        6,
        inTurn(urls, (one) => count(send(one, "GET"))),
      );
    },
  },
  drips: {
    what: "two owners' uploads that drip",
    hasFiles: true,
    attack: ({ url, keys, post, repeat }) =>
      repeat(200, async (lane) => {
        const owner = { url, post: (body: string) => post(body, keys[lane % 2]) };
        const { putUrl } = await openUpload(owner, "image/png", 1_000_000);
        const sending = request(putUrl, {
          method: "PUT",
          headers: { "content-length": 1_000_000 },
        });
        const ended = new Promise((resolve) => sending.once("close", resolve));
        sending.on("error", () => undefined).on("response", (response) => response.resume());
        const dripping = setInterval(() => sending.write("x"), 1_000);
        await ended.finally(() => clearInterval(dripping));
      }),
  },
  readers: {
    what: "1,000 readers that read a little of a file",
    hasFiles: true,
    attack: ({ port, file, repeat }) =>
      repeat(1_000, async () => {
        const { pathname, search } = new URL(file ?? "");
        const socket = await openSocket(port);
        const ended = new Promise((resolve) => socket.once("close", resolve));
        socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        socket.pause();
        const reading = setInterval(() => void socket.read(), 1_000);
        await ended.finally(() => clearInterval(reading));
      }),
  },
  "upstream-webhooks": {
    what: "calls that pass for RunComfy's, half of them forged, and half about one job",
    async seed(databaseUrl, _filesUrl, upstream) {
      const now = Date.now();
      await query(
        databaseUrl,
        `insert into jobs (id, owner_id, kind, deployment_id, upstream, request_id, api_version, status, version, created_at,
           sent_at, updated_at, work, submit_until)
         values ('${LARGE_JOB}', '${OWNER}', 'lora', 'd', '${upstream.url}', 'r', 'v1', 'SUBMITTING', 1, ${now}, ${now}, ${now}, 1, 0);
         insert into job_documents (job_id, input_bytes, input) values ('${LARGE_JOB}', 2, '{}');
         update jobs set status = 'IN_QUEUE' where id = '${LARGE_JOB}';
         update file_places set key = '${OWNER}'`,
      );
    },
    attack({ url, count, repeat }) {
      const expires = Math.floor(Date.now() / 1_000) + 86_400;
      const toUrl = (key: string) =>
        createSignedUrls({ key, publicUrl: () => url }).create(
          { folder: "upstream-webhooks", name: LARGE_JOB, width: null },
          expires,
        );
      const calls = ["guessed", OWNER].map(toUrl);
      const body = Buffer.alloc(100_000, "x");
      return repeat(
        64,
        inTurn(calls, (one) => count(send(one, "POST", body))),
      );
    },
  },
  "sign-ins": {
    what: "sign-ins, sign-outs, and cookies that nobody was given",
    environment: { SIGN_IN: "key", PUBLIC_URL: CONSOLE },
    attack: ({ url, keys, count, repeat }) => {
      const base = { "content-type": "application/json", origin: CONSOLE };
      const forged = {
        ...base,
        cookie: `__Host-runcomfy-session=${"a".repeat(43)}.${"b".repeat(43)}`,
      };
      const posts = [
        ["/sign-in", { ...base, authorization: `Bearer ${keys[0]}` }],
        ["/sign-out", forged],
        ["/graphql", forged],
      ] as const;
      const sendFrom = async (path: string, headers: Readonly<Record<string, string>>) =>
        await (await fetch(new URL(path, url), { method: "POST", headers, body: "{}" })).text();
      return repeat(
        64,
        inTurn(posts, ([path, headers]) => count(sendFrom(path, headers))),
      );
    },
  },
  ...WEBHOOK_ATTACKS,
  exploding: {
    what: "documents that ask for more than it seems",
    attack: ({ ask: send, repeat }) =>
      repeat(
        4,
        inTurn([...REFUSED_DOCUMENTS, ...SERVED_DOCUMENTS], ([, document, variables = "{}"]) =>
          send(`{"query":${JSON.stringify(document)},"variables":${variables}}`),
        ),
      ),
  },
  requests: {
    what: "requests that break HTTP or GraphQL over HTTP",
    async attack({ port, keys, repeat }) {
      const header = `Authorization: Bearer ${keys[0]}\r\n`;
      const all = [
        ...[...AMBIGUOUS, ...UNUSUAL].map(([, bytes]) => bytes),
        ...BODIES.map(([, body]) => toRequest(body, header)),
      ];
      await repeat(
        8,
        inTurn(all, (bytes) => exchange(port, bytes)),
      );
    },
  },
  frames: {
    what: "frames that break WebSocket or graphql-transport-ws",
    async attack({ port, openSocket: open, repeat }) {
      const all = [
        ...BAD_FRAMES.map(([, , frames]) => ({ frames, isGreeted: true })),
        ...BAD_MESSAGES.map(([, , when, texts]) => ({
          frames: texts.map(text),
          isGreeted: when === "after",
        })),
      ];
      await repeat(
        8,
        inTurn(all, async ({ frames, isGreeted }) => {
          const client = await (isGreeted ? open() : openRawWebSocket(port));
          client.send(...frames);
          await client.closed;
        }),
      );
    },
  },
  "mcp-tools": tools("lists of tools, as an agent asks for them", 16, { method: "tools/list" }),
  "mcp-submits": tools("a large input that a tool is called with again and again", 16, {
    method: "tools/call",
    params: { name: "submit_job", arguments: { deployment_id: "d", input: MEMBERS } },
  }),
  "mcp-deep": tools("checks of inputs, and pings, with 125,000 nested lists", 32, ...toLists(DEEP)),
  "mcp-lists": tools("the same with 120,000 lists as deep as may be", 32, ...toLists(LISTS)),
  "mcp-waits": {
    what: "2,000 calls that wait for a job with progress, whether or not they may",
    setUpstream: (upstream) => upstream.script("d", ["in_queue"]),
    async attack(attacker) {
      const call = { deployment_id: "d", input: {} };
      const submitted = await callTool(attacker, {
        method: "tools/call",
        params: { name: "submit_job", arguments: call },
      });
      const id = /job_[0-9a-f]{32}/.exec(submitted)?.[0];
      const wait = {
        method: "tools/call",
        params: { name: "wait_for_job", arguments: { id }, _meta: { progressToken: 1 } },
      };
      await attacker.repeat(2_000, () => callTool(attacker, wait));
    },
  },
  "deep-results": results(12, "deep-result", "nested 400,000 levels deep"),
  "long-results": results(12, "numbers-result", "lists of 3.4 million numbers"),
  "many-long-results": results(30, "numbers-result", "lists of 3.4 million numbers"),
  "mcp-large-answers": {
    what: "100 calls that wait for a job with 8 MB of URLs, and 16 that get it",
    seed: storeLongUrls,
    attack: (attacker) =>
      attacker.repeat(116, (lane) => {
        const name = lane < 100 ? "wait_for_job" : "get_job";
        return callTool(attacker, {
          method: "tools/call",
          params: { name, arguments: { id: LARGE_JOB } },
        });
      }),
  },
  silent: {
    what: "10,000 connections that say nothing",
    environment: { REQUEST_TIMEOUT_SECONDS: "60", IDLE_TIMEOUT_SECONDS: "60" },
    attack: ({ port, repeat }) =>
      repeat(10_000, async () => await whenClosed(await openSocket(port))),
  },
};

/** Posts the same again and again. */
function ask(what: string, body: string, more: Partial<AttackRow> = {}, lanes = 8): AttackRow {
  return { what, ...more, attack: ({ post, repeat }) => repeat(lanes, () => post(body)) };
}

/** Submits so many jobs a second. The upstream holds back results until all of them, or `POLLS_AT_ONCE`, are asked for. */
function results(jobs: number, fault: FaultName, what: string): AttackRow {
  const deploymentId = `fault-${fault}`;
  const items = Array.from({ length: jobs }, () => ({ deploymentId, input: {} }));
  const submit = toBody(
    "mutation ($items: [SubmitJobItem!]!) { submitJobs(items: $items) { __typename } }",
    { items },
  );
  async function releaseTogether(upstream: FaultyUpstream): Promise<never> {
    for (;;) {
      const release = upstream.hold("result");
      const asked = upstream.count("result", deploymentId);
      await upstream.whenRequested("result", asked + 1, deploymentId);
      const all = upstream.whenRequested("result", asked + jobs, deploymentId);
      await Promise.race([all, sleep(2_000)]);
      release();
    }
  }
  return {
    what: `${jobs} jobs whose results come together, ${what}`,
    setUpstream(upstream) {
      upstream.script(deploymentId, ["succeeded"]);
      void releaseTogether(upstream);
    },
    attack: ({ post, repeat }) =>
      repeat(1, async () => {
        await post(submit);
        await sleep(1_000);
      }),
  };
}

/** Sends messages to `/mcp` again and again; of one that is a text, the rest is as it is. */
function tools(what: string, lanes: number, ...messages: readonly (object | string)[]): AttackRow {
  return {
    what,
    attack: (attacker) =>
      attacker.repeat(
        lanes,
        inTurn(messages, (message) => callTool(attacker, message)),
      ),
  };
}

/** Nothing here could write JSON that is so deep. */
function toLists(value: string): readonly string[] {
  return [
    `"method":"tools/call","params":{"name":"check_input","arguments":{"deployment_id":"d","input":{"lists":${value}}}}`,
    `"method":"ping","params":{"_meta":{"lists":${value}}}`,
  ];
}

function nest(levels: number): string {
  return `${"[".repeat(levels)}${"]".repeat(levels)}`;
}

function callTool({ url, keys, count, send }: Attacker, message: object | string): Promise<string> {
  const rest = typeof message === "string" ? message : JSON.stringify(message).slice(1, -1);
  const body = `{"jsonrpc":"2.0","id":1,${rest}}`;
  const accept = "application/json, text/event-stream";
  const headers = { authorization: `Bearer ${keys[0]}`, accept };
  return count(send(new URL("/mcp", url).href, body, headers));
}

/** Uploads files; one that is refused stays open, and is sent again. */
function uploadAgain(
  attacker: Attacker,
  lanes: number,
  files: readonly (readonly [contentType: string, bytes: Buffer])[],
): Promise<void> {
  const upload = inTurn(files, async ([contentType, bytes]) => {
    const { putUrl } = await openUpload(attacker, contentType, bytes.length);
    while ((await attacker.count(send(putUrl, "PUT", bytes))) !== "");
  });
  return attacker.repeat(lanes, upload);
}

/** Does it with one after the other, and then with the first again. */
function inTurn<Item>(items: readonly Item[], act: (item: Item) => Promise<unknown>) {
  let next = 0;
  return async () => {
    const item = items[next++ % items.length];
    if (item !== undefined) await act(item);
  };
}

function toBody(document: string, variables: object = {}): string {
  return JSON.stringify({ query: document, variables });
}

/** As many of a mutation as a document may have. */
function toMutation(field: string, input?: object): string {
  const fields = Array.from({ length: MUTATIONS }, (_, at) => `a${at}: ${field} { __typename }`);
  const head = input === undefined ? "mutation" : "mutation ($input: JSON!)";
  return toBody(`${head} { ${fields.join(" ")} }`, { input });
}

function toQuestions(count: number): readonly object[] {
  return Array.from({ length: count }, (_, at) => ({
    type: "subscribe",
    id: String(at),
    payload: { query: at % 2 === 0 ? SCHEMA : READ },
  }));
}

function storeJobs(count: number, more = "") {
  return async (databaseUrl: string): Promise<void> => {
    await fillStore(databaseUrl, async () => undefined);
    const jobs = toManyJobs(OWNER, count) + more;
    // Without triggers, which would take most of the time.
    const first = "set session_replication_role = replica;";
    await query(
      databaseUrl,
      databaseUrl.startsWith("file:") ? `begin; ${jobs} commit` : first + jobs,
    );
  };
}

/** Jobs that wait, in a queue that does not move. */
async function storeQueue(
  databaseUrl: string,
  count: number,
  upstream: FaultyUpstream,
): Promise<void> {
  upstream.script("d", ["in_queue"]);
  const submittedAt = Date.now() - 3_600_000;
  const rows = Array.from(
    { length: count },
    (_, at) =>
      `('${toJobId(at + 1)}', '${OWNER}', 'lora', 'd', '${upstream.url}', '${upstream.accept("d")}', 'v1', 'SUBMITTING', 0, 1, ${submittedAt + at}, ${submittedAt + at}, 1, 1, 0)`,
  );
  await query(
    databaseUrl,
    `insert into jobs (id, owner_id, kind, deployment_id, upstream, request_id, api_version, status, queue_position,
       version, created_at, sent_at, updated_at, work, submit_until) values ${rows.join()};
     update jobs set status = 'IN_QUEUE', version = 2 where owner_id = '${OWNER}'`,
  );
}

/** Its output has 80,000 URLs, of which only the first 1,000 are assets. */
async function storeLargeJob(databaseUrl: string): Promise<void> {
  const images = Array.from({ length: 80_000 }, (_, at) => ({
    url: `${ORIGIN_OF_FILES}/output-${at}.png`,
    subfolder: "a/folder/of/outputs",
    type: "output",
  }));
  await storeFinishedJob(databaseUrl, { ownerId: OWNER, number: 1, output: { images } });
}

/** Its 1,000 files have URLs of 8 KB, and copies that could not be made. */
async function storeLongUrls(databaseUrl: string): Promise<void> {
  const images = Array.from({ length: 1_000 }, (_, at) =>
    `${ORIGIN_OF_FILES}/${at}.png?signature=`.padEnd(8_000, "a"),
  );
  await storeFinishedJob(databaseUrl, { ownerId: OWNER, number: 1, output: { images } });
  const job = { ...FINISHED.job, id: LARGE_JOB, ownerId: OWNER };
  await fillStore(databaseUrl, async ({ files }) => void (await files.request(job, images)));
  await query(databaseUrl, "update kept_files set state = 'FAILED', due_at = null");
}

/** A job of which 40 pictures are kept. */
async function storePictures(databaseUrl: string, filesUrl: string): Promise<void> {
  const pictures = [
    { extension: "avif", side: 3_600, bytes: await toLargeAvif(3_600) },
    { extension: "png", side: 7_200, bytes: toLargePng(7_200) },
  ] as const;
  const images = Array.from({ length: 40 }, (_, at) => `${ORIGIN_OF_FILES}/output-${at}.png`);
  const job = { ...FINISHED.job, id: LARGE_JOB, ownerId: OWNER };
  await storeFinishedJob(databaseUrl, { ownerId: OWNER, number: 1, output: { images } });
  await fillStore(databaseUrl, async ({ files }) => {
    const { folder: databaseId } = await files.readPlace();
    const credentials = { accessKeyId: "", secretAccessKey: "", sessionToken: null };
    const store = await openFileStore({ url: filesUrl, databaseId, credentials, files });
    await files.request(job, images);
    const claimed = await files.claimDue({ limit: images.length, claimMs: 60_000 });
    for (const [at, file] of claimed.files.entries()) {
      const { extension, side, bytes } = pictures[at % pictures.length] ?? pictures[0];
      const [name, contentType] = [`picture-${at}.${extension}`, `image/${extension}`];
      await using draft = await store.draft(Readable.from([bytes]), { mostBytes: bytes.length });
      await draft.keepAs(name, contentType);
      const facts = { contentType, bytes: bytes.length, width: side, height: side };
      await files.settle(file, { ...NOT_KEPT, ...facts, state: "KEPT", file: name });
    }
  });
}

/** An AVIF of a few KB that takes a hundred thousand times as much to decode. */
async function toLargeAvif(side: number): Promise<Buffer> {
  const create = { width: side, height: side, channels: 3, background: "red" } as const;
  return await sharp({ create }).avif({ effort: 0, quality: 1 }).toBuffer();
}
