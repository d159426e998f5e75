import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { expect, test } from "vitest";

import { runVerifyCommand } from "../../src/commands/verify-command.ts";
import { FACTS } from "../../src/commands/verify/facts.ts";
import { printReport, type Report } from "../../src/commands/verify/report.ts";
import { WrongUseError } from "../../src/commands/verify/words.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import { openSandbox } from "../sandbox/open-sandbox.ts";
import { listen } from "../support/listen.ts";
import { readPage, ROOT } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const LORA = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";
const WORKFLOW = "2c90d1f4-7e35-4b8a-a6d2-91f04be7c504";
const MODEL = "blackforestlabs/flux-2/flash/text-to-image";
const PROMPT = "a paper lantern over the harbour";
const INPUTS: JsonObject = {
  [LORA]: { prompt: PROMPT },
  [WORKFLOW]: { overrides: { "6": { inputs: { text: PROMPT } } } },
  [MODEL]: { prompt: PROMPT },
};
const ALL = ["--deployment", LORA, "--workflow", WORKFLOW, "--model", MODEL];

type Sent = {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
};

/**
 * A sandbox behind a server that keeps what is sent to it, and the command, which waits by the sandbox's clock. `change` is
 * asked for another body, and `isSandbox` says whether the server is known as the sandbox.
 */
async function open({
  change = (_path: string, body: string) => body,
  isSandbox = true,
  token = "sandbox",
  ...options
}: {
  readonly change?: (path: string, body: string) => string;
  readonly isSandbox?: boolean;
} & Parameters<typeof openSandbox>[0] = {}) {
  const sandbox = await openSandbox({ token, ...options });
  const sent: Sent[] = [];
  const server = createServer(async (request, response) => {
    const { method = "", url: path = "" } = request;
    const { authorization } = request.headers;
    sent.push({ method, path, authorization });
    const body = await text(request);
    const headers = { ...(authorization !== undefined && { authorization }) };
    const init = { method, headers, ...(body !== "" && { body }) };
    const answer = await fetch(sandbox.url + path, init).catch(() => null);
    if (answer === null) return void response.destroy();
    for (const name of ["content-type", "retry-after", "cache-control"])
      response.setHeader(name, answer.headers.get(name) ?? "");
    response.statusCode = answer.status;
    response.end(change(path, (await answer.text()).replaceAll(sandbox.url, origin)));
  });
  const { origin } = await listen(server);
  const folder = await createTemporaryFolder();
  const input = join(folder, "input.json");
  await writeFile(input, JSON.stringify(INPUTS));
  const lines: string[] = [];
  const waits: number[] = [];
  const leaving = new AbortController();

  async function run(
    args: readonly string[],
    {
      onWait = () => undefined,
      ...setting
    }: Partial<Parameters<typeof runVerifyCommand>[1]> & { readonly onWait?: () => void } = {},
  ) {
    const given = args.includes("--spend") && !args.includes("--input") ? ["--input", input] : [];
    const { result: json, exitCode } = await runVerifyCommand(["--json", ...args, ...given], {
      open: async () => ({
        ...{ baseUrl: origin, modelUrl: origin, token },
        ...{ apiVersion: "v1", isSandbox },
      }),
      confirm: null,
      print: (line) => void lines.push(line),
      signal: leaving.signal,
      now: () => sandbox.clock.now,
      async sleep(ms, { signal }) {
        waits.push(ms);
        sandbox.clock.now += ms;
        onWait();
        signal.throwIfAborted();
      },
      ...setting,
    });
    const report: Report = JSON.parse(json);
    const ofState = (state: string) =>
      report.facts.filter((fact) => fact.state === state).map(({ name }) => name);
    return { result: printReport(report), json, exitCode, report, ofState };
  }

  const submits = () =>
    sent.filter(({ path }) => /\/inference$|^\/v1\/models\/./.test(path)).filter(isPost);
  return { sandbox, sent, submits, lines, waits, leaving, folder, input, origin, run };
}

function isPost({ method }: Sent): boolean {
  return method === "POST";
}

test("the sandbox passes every fact, and the report begins with who answered", async () => {
  const { run, submits, sent } = await open();
  const { result, report, ofState, exitCode } = await run([...ALL, "--spend", "--yes"]);
  expect(ofState("different")).toEqual([]);
  expect(ofState("not seen")).toEqual([]);
  expect(ofState("as expected")).toEqual(FACTS.map(({ name }) => name));
  expect(exitCode).toBe(0);
  expect(result).toMatch(/^The sandbox answered, .*\n\n/);
  expect(Object.keys(report)[0]).toBe("answeredBy");
  // A wrong input and two of the file, of each.
  expect(submits()).toHaveLength(9);
  const files = sent.filter(({ path }) => path.startsWith("/files/"));
  expect(files.length).toBeGreaterThan(2);
  expect(files.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
});

test("without --spend only GETs are sent, and what needs a job is not seen", async () => {
  const { run, sent } = await open();
  const { result, ofState, exitCode } = await run([]);
  expect(sent.filter(({ method }) => method !== "GET")).toEqual([]);
  expect(sent.length).toBeGreaterThan(10);
  expect(exitCode).toBe(0);
  expect(ofState("different")).toEqual([]);
  expect(ofState("not seen")).toContain("A submit is answered with a `request_id`");
  expect(result.split("\n")[1]).toBe(
    "Most of what is not seen needs --spend, and a workflow's facts --workflow ID.",
  );
  expect(ofState("as expected")).toContain("A workflow has a `workflow_id`");
});

test("what answers at neither RunComfy's address nor as the sandbox is called another one", async () => {
  const { run } = await open({ isSandbox: false });
  expect((await run([])).result).toMatch(/^Another address than RunComfy's answered, /);
});

/** For each fact: what is verified, an answer's path, what in it becomes what, or a switch of the sandbox; and what is seen. */
const GETS = ["--deployment", LORA, "--workflow", WORKFLOW];
const LORA_JOBS = ["--deployment", LORA, "--spend", "--yes"];
const WORKFLOW_JOBS = ["--workflow", WORKFLOW, "--spend", "--yes"];
const MODEL_JOBS = ["--model", MODEL, "--spend", "--yes"];
const LIST = /^\/prod\/v2\/deployments($|\?)/;
const ONE = /^\/prod\/v2\/deployments\/[^/]+$/;
const LANTERN = '"name":"Paper Lantern"';
const DIFFERENT: readonly (readonly [
  fact: string,
  args: readonly string[],
  change: string | readonly [path: RegExp, from: string | RegExp, to: string],
  seen: string,
])[] = [
  ["The token is accepted", [], "unauthorized-401:list", "refused"],
  [
    "The list of deployments is",
    [],
    [/deployments$/, /^.*$/, '{"list":[]}'],
    "an object with list",
  ],
  [
    "A deployment's record",
    [],
    [LIST, /"hardware":\[.*?\]/g, '"hardware":1'],
    "hardware is a number",
  ],
  ["`ids` asks for", [], [/\?ids=[^0][^&]*$/, /^.*$/, "[]"], "an empty list"],
  [
    "The list leaves out",
    [],
    [/\?ids=0[^&]*$/, "[]", '[{"id":"00000000-0000-4000-8000-000000000000"}]'],
    "a list with an object with id",
  ],
  ["One deployment is read", GETS, [ONE, /^.*$/, "{}"], "an empty object"],
  ["A workflow has", GETS, [LIST, '"workflow_id"', '"workflow"'], "missing"],
  ["A LoRA has no", GETS, [LIST, LANTERN, `"workflow_id":"a",${LANTERN}`], "it has one"],
  ["The list shows a workflow's graph", GETS, [LIST, '"payload"', '"graph"'], "missing"],
  [
    "A single deployment shows",
    GETS,
    [ONE, '"workflow_api_json"', '"graph"'],
    "an object with graph, overrides, object_info_url",
  ],
  [
    "A LoRA shows no graph",
    GETS,
    [ONE, LANTERN, `"payload":{"workflow_api_json":{}},${LANTERN}`],
    "one",
  ],
  [
    "`payload.object_info_url`",
    GETS,
    [ONE, '"object_info_url":"http:', '"object_info_url":"https:'],
    "another's host",
  ],
  [
    "The list of models",
    [],
    [/limit=20$/, '"total"', '"count"'],
    "an object with models, count, limit, offset",
  ],
  [
    "A model's record",
    [],
    [/^\/v1\/models\/b/, '"price_unit":"output"', '"price_unit":null'],
    "price_unit is null",
  ],
  [
    "The gateway can check",
    [],
    [/^\/v1\/models\/b/, '"type":"object"', '"type":"thing"'],
    "1 problems",
  ],
  ["What is unknown", [], [/unknown$/, /^/, "<p>"], "HTTP 400, REJECTED"],
  ["A wrong token", [], [/\?ids=0[^&]*$/, "401001", "403003"], "HTTP 401, FORBIDDEN"],
  [
    "An error has",
    [],
    [/result$/, /"error_code":\d+,"error_message"/, '"text"'],
    "an object with text",
  ],
  ["A wrong input is refused", LORA_JOBS, "error-500:submit", "HTTP 500, UNAVAILABLE"],
  ["The refusal of a wrong input", LORA_JOBS, "refused-400", "an object with message"],
  [
    "A submit is answered",
    LORA_JOBS,
    [/inference$/, '"request_id"', '"id"'],
    "HTTP 200, INVALID_RESPONSE",
  ],
  [
    "An answer about a request",
    LORA_JOBS,
    [/(status|result|cancel)$/, /"request_id":"[^"]+"/, `"request_id":"${WORKFLOW}"`],
    "another one",
  ],
  [
    "The word of a status",
    LORA_JOBS,
    [/status$/, '"status":"in_progress"', '"status":"paused"'],
    "paused",
  ],
  ["A job that waits has", LORA_JOBS, "no-position", "missing"],
  [
    "A queue is first in",
    LORA_JOBS,
    [/status$/, '"queue_position":1', '"queue_position":0'],
    "0 behind 0",
  ],
  ["A result that is asked for early", LORA_JOBS, "not-ready-400", "HTTP 400, REJECTED"],
  [
    "The result of a job",
    LORA_JOBS,
    [/result$/, '"status":"succeeded"', '"status":"done"'],
    "done",
  ],
  ["The `output` of a LoRA", LORA_JOBS, "output-nested", "an object with result"],
  ["The `outputs` of a workflow", WORKFLOW_JOBS, "output-objects", "an object with …"],
  ["The `output` of a model", MODEL_JOBS, "output-words", "a text"],
  [
    "A file is at",
    LORA_JOBS,
    [/result$/, /http:[^"]+\/files\//g, "http://a.runcomfy.net/"],
    "http: at a.runcomfy.net",
  ],
  ["A file is read", LORA_JOBS, [/result$/, /\/files\//g, "/nothing/"], "HTTP 404"],
  [
    "Nothing says",
    LORA_JOBS,
    [/result$/, /(\/files\/[^"]+)/g, "$1?X-Amz-Expires=3600"],
    "it ends in 3600 s, max-age is 60 s",
  ],
  [
    "The gateway can read times",
    [],
    [/deployments$/, /"created_at":"/g, '"created_at":"on '],
    "another form",
  ],
  [
    "A time without a zone",
    LORA_JOBS,
    [/result$/, /"created_at":"2026-01-02T03/, '"created_at":"2026-01-02T05'],
    "7200 s off by this machine's clock",
  ],
  ["A model's `cost`", MODEL_JOBS, "no-cost", "missing"],
  ["The balance", [], [/balance$/, /\{.*/, '{"balance":"25"}'], "an object with balance"],
  [
    "The words of a cancel's answer",
    LORA_JOBS,
    [/cancel$/, '"outcome":"cancelled"', '"outcome":"gone"'],
    "gone, completed",
  ],
  [
    "A job that waits can be cancelled",
    LORA_JOBS,
    [/status$/, '"status":"cancelled"', '"status":"succeeded"'],
    "succeeded, cancelled",
  ],
];

test("each fact has a case in which it is different", () => {
  const facts = DIFFERENT.flatMap(([start]) => FACTS.filter(({ name }) => name.startsWith(start)));
  const names = facts.map(({ name }) => name);
  expect(names.toSorted()).toEqual(FACTS.map(({ name }) => name).toSorted());
});

test.each(DIFFERENT)(
  "it is shown that this is different: %s",
  async (start, args, changed, seen) => {
    const change = (path: string, body: string): string =>
      typeof changed !== "string" && changed[0].test(path)
        ? body.replace(changed[1], changed[2])
        : body;
    const { run, sandbox } = await open({ change });
    if (typeof changed === "string") sandbox.setFaults([changed]);
    const { report, exitCode } = await run(args);
    const fact = report.facts.find(({ name }) => name.startsWith(start));
    expect(fact).toMatchObject({ state: "different", seen });
    expect(exitCode).toBe(1);
  },
);

test("a file at another's host is different, and that host is not named", async () => {
  const change = (_: string, body: string): string =>
    body.replaceAll(/http:[^"]+\/files\//g, "https://10.0.0.1/");
  const { run } = await open({ change });
  const { report } = await run(LORA_JOBS);
  const fact = report.facts.find(({ name }) => name.startsWith("A file is at"));
  expect(fact).toMatchObject({ state: "different", seen: "https: at another's host" });
});

test.each([
  [0, "as expected", "at once"],
  [1, "as expected", "later"],
  [2, "as expected", "later"],
  [3, "different", "still later"],
  [9, "different", "missing"],
])(
  "a model's cost may come 60 s after its result, and no later (%s without)",
  async (count, state, seen) => {
    let left = count;
    const change = (_: string, body: string): string =>
      body.includes('"cost"') && left-- > 0 ? body.replace(/"cost":[\d.]+,/, "") : body;
    const { run } = await open({ change });
    const { report } = await run(MODEL_JOBS);
    expect(report.facts.find(({ name }) => name.includes("`cost`"))).toMatchObject({ state, seen });
  },
);

test("the report has no token, prompt, id or URL, whatever the answers repeat", async () => {
  const token = "lettersalone";
  const prompt = "harbour_lantern";
  const change = (path: string, body: string): string =>
    path.startsWith("/files/")
      ? body
      : body
          .replace(/"status":"[^"]+"/, `"status":"${path.endsWith("status") ? prompt : token}"`)
          .replace("{", `{"${token}":1,"${prompt}":"https://api.runcomfy.net/x","${LORA}":1,`)
          .replaceAll(/"hardware":\[[^\]]*\]/g, `"hardware":"${prompt}"`);
  const { run, input, sandbox } = await open({ change, token });
  await writeFile(input, JSON.stringify({ prompt }));
  const { json, result, report, exitCode } = await run(LORA_JOBS);
  expect(exitCode).toBe(1);
  expect(report.facts.some(({ state }) => state === "different")).toBe(true);
  for (const value of [
    token,
    prompt,
    LORA,
    WORKFLOW,
    MODEL,
    "://",
    "127.0.0.1",
    new URL(sandbox.url).port,
  ]) {
    expect.soft(json).not.toContain(value);
    expect.soft(result).not.toContain(value);
  }
});

test("each target is named with its price, and nothing is submitted unless the user says yes", async () => {
  const { run, sent, lines } = await open();
  const questions: string[] = [];
  const confirm = async (question: string) => questions.push(question) === 0;
  const { result, exitCode } = await run([...ALL, "--spend"], { confirm });
  expect(questions).toHaveLength(1);
  expect(lines.slice(1)).toEqual([
    `  ${LORA}: price unknown (by the seconds of an instance)`,
    `  ${WORKFLOW}: price unknown (by the seconds of an instance)`,
    `  ${MODEL}: about $0.01 per output`,
    "Nothing was submitted.",
  ]);
  expect(sent.filter(isPost)).toEqual([]);
  expect([exitCode, result]).toEqual([0, expect.stringContaining("0 different")]);
});

test("a model without a price has an unknown one", async () => {
  const change = (_: string, body: string): string =>
    body.replaceAll(/"base_price_usd":[\d.]+/g, '"base_price_usd":0');
  const { run, lines } = await open({ change });
  await run(["--model", MODEL, "--spend"], { confirm: async () => false });
  expect(lines).toContain(`  ${MODEL}: price unknown`);
});

test("an id of the list that would change a path is not asked for", async () => {
  const change = (path: string, body: string): string =>
    path.endsWith("limit=20") ? body.replaceAll(MODEL, "../../prod/v2/deployments?x=y") : body;
  const { run, sent } = await open({ change });
  const { ofState, exitCode } = await run([]);
  expect(sent.filter(({ path }) => path.includes("x=y"))).toEqual([]);
  expect(ofState("not seen")).toContain(
    "A model's record has its name, price, unit and `input_schema`",
  );
  expect(exitCode).toBe(0);
});

test.each([
  [["--spend", "--input", "input.json"], /^--spend needs --input, and --deployment, --workflow or/],
  [["--deployment", LORA, "--spend"], /^--spend needs --input/],
  [["--deployment", LORA, "--input", "input.json"], /^--input is for --spend/],
  [["--deployment", "../x"], /^"..\/x" is no id/],
  [["--model", LORA], /is no id/],
  [["--cash"], /^Unknown option '--cash'\. Nothing was sent\./],
  [["--spend=1"], /does not take an argument\. Nothing was sent\./],
  [
    ["--deployment", LORA, "--spend", "--yes", "--input", "none.json"],
    /none.json can't be read as JSON/,
  ],
  [
    ["--deployment", LORA, "--spend", "--input", "input.json"],
    /^Without a terminal, --spend needs --yes/,
  ],
  [
    ["--deployment", "a", "--model", "b/c", "--spend", "--yes", "--input", "input.json"],
    /has no input for a. Add one, as in \{"a":\{\}\}/,
  ],
])("%j is no use of the command, and nothing is sent", async (args, message) => {
  const { folder, sent } = await open();
  const words = args.map((word) => (word.endsWith(".json") ? join(folder, word) : word));
  const running = runVerifyCommand(words, {
    open: () => expect.unreachable("It was opened."),
    ...{ confirm: null, print: () => undefined, signal: new AbortController().signal },
  });
  await expect(running).rejects.toThrow(WrongUseError);
  await expect(running).rejects.toThrow(message);
  await expect(running).rejects.toThrow("Nothing was sent.");
  expect(sent).toEqual([]);
});

test.each([
  [["--deployment", "nope"], "No deployment of the account has the id nope", true],
  [["--workflow", WORKFLOW, "--deployment", "nope"], "has the id nope", true],
  [["--model", "nobody/nothing"], "The catalogue has no model nobody/nothing", true],
  [["--workflow", LORA], `${LORA} is no workflow, but a LoRA`, true],
  [["--deployment", WORKFLOW], `${WORKFLOW} is no LoRA, but a workflow`, true],
  [["--deployment", "nope"], "No deployment of the account has the id nope", false],
])(
  "a wrong id is the user's mistake: nothing is submitted, and no fact differs (%j)",
  async (named, sentence, isSpending) => {
    const { run, sent, lines, input } = await open();
    const inputs = { ...INPUTS, nope: {}, "nobody/nothing": {} };
    await writeFile(input, JSON.stringify(inputs));
    const { ofState, exitCode } = await run([
      ...named,
      ...(isSpending ? ["--spend", "--yes"] : []),
    ]);
    expect(lines).toEqual([expect.stringContaining(sentence)]);
    expect(lines[0]).toMatch(/, so nothing was submitted\. /);
    expect(sent.filter(isPost)).toEqual([]);
    expect([ofState("different"), exitCode]).toEqual([[], 2]);
    expect(ofState("as expected")).toContain("One deployment is read at an address of its own");
  },
);

test("a deployment that is listed, but not found by itself, is a difference and no mistake", async () => {
  const change = (path: string, body: string): string =>
    LIST.test(path) ? body.replace(LORA, "nope") : body;
  const { run } = await open({ change });
  const { ofState, exitCode } = await run(["--deployment", "nope"]);
  expect(exitCode).toBe(1);
  expect(ofState("different")).toContain("One deployment is read at an address of its own");
});

test("of one target alone, the file may be its input", async () => {
  const { run, input } = await open();
  await writeFile(input, JSON.stringify({ prompt: PROMPT, seed: 7 }));
  const { ofState } = await run(LORA_JOBS);
  expect(ofState("as expected")).toContain("The `output` of a LoRA has lists of URLs");
});

test("a submit whose answer is lost is not repeated, and no other follows", async () => {
  const { run, sandbox, submits, lines } = await open();
  sandbox.setFaults(["lost-answer:submit"]);
  await run([...ALL, "--spend", "--yes"]);
  expect(submits()).toHaveLength(3);
  expect(lines.filter((line) => line.includes("may have accepted a job"))).toHaveLength(3);
});

test("where a wrong input is accepted, its job is cancelled and nothing else is submitted", async () => {
  const { run, submits, sent, ...opened } = await open({
    deployments: [{ id: LORA, name: "Any" }],
  });
  const { ofState } = await run(LORA_JOBS);
  expect(ofState("different")).toEqual(["A wrong input is refused before it is accepted"]);
  expect(submits()).toHaveLength(1);
  expect(sent.filter(({ path }) => path.endsWith("/cancel"))).toHaveLength(1);
  expect(opened.lines.at(-1)).toMatch(/ is cancelled\.$/);
});

test.each(["wait", "submit"])(
  "Ctrl-C in a %s cancels what RunComfy has accepted, and ids are printed for the user alone",
  async (moment) => {
    const change = (path: string, body: string): string => {
      if (moment === "submit" && path.endsWith("/inference") && body.includes("request_id"))
        opened.leaving.abort();
      return body;
    };
    const opened = await open({ change });
    const { run, leaving, sandbox, lines, submits } = opened;
    const onWait = () => leaving.abort();
    const { result, json, ofState } = await run([...ALL, "--spend", "--yes"], { onWait });
    const [, id = ""] = / accepted (\S+)\.$/m.exec(lines.join("\n")) ?? [];
    const job = { deployment: LORA, id };
    expect(await sandbox.poll(job)).toMatchObject({ status: "cancelled" });
    expect(lines).toEqual(
      expect.arrayContaining([STOPPING, "Stopped.", `${id} of ${LORA} is cancelled.`]),
    );
    expect(json + result).not.toContain(id);
    expect(submits()).toHaveLength(moment === "submit" ? 2 : 3);
    expect(ofState("as expected")).toContain("A submit is answered with a `request_id`");
  },
);

const STOPPING = "Stopping; what was submitted is cancelled. Press Ctrl-C again to leave at once.";

test("Ctrl-C at the question says that nothing was submitted, and nothing else", async () => {
  const { run, leaving, lines } = await open();
  async function confirm(): Promise<boolean> {
    lines.length = 0;
    leaving.abort();
    return false;
  }
  await run(["--deployment", LORA, "--spend"], { confirm });
  expect(lines).toEqual(["Nothing was submitted."]);
});

test.each([
  [LORA, LORA_JOBS],
  [MODEL, MODEL_JOBS],
])(
  "a job that is cancelled already is said to be, and Ctrl-C does not cancel it again (%s)",
  async (target, args) => {
    const { run, leaving, lines, sent } = await open();
    await run(args, { onWait: () => leaving.abort() });
    const ids = lines.flatMap((line) => / accepted (\S+)\.$/.exec(line)?.[1] ?? []);
    const [first = "", second = ""] = ids;
    expect(lines.filter((line) => line.includes(second))).toEqual([
      `${target} accepted ${second}.`,
      `${second}: cancelled`,
    ]);
    expect(lines.some((line) => line.startsWith(`${first} of ${target} `))).toBe(true);
    expect(sent.filter(({ path }) => path.endsWith(`${second}/cancel`))).toHaveLength(1);
  },
);

test("that a job is cancelled is printed once", async () => {
  const { run, lines } = await open();
  await run(LORA_JOBS);
  expect(lines.filter((line) => line.endsWith(": cancelled"))).toHaveLength(1);
});

test("it ends within 30 minutes, and cancels what it leaves", async () => {
  const { run, sandbox, sent, lines } = await open({ speed: 0.001 });
  const onWait = () => void (sandbox.clock.now += 60_000);
  await run(LORA_JOBS, { onWait });
  expect(lines).toContain("Stopped after 30 minutes.");
  expect(sent.at(-1)?.path).toMatch(/\/cancel$/);
});

test("where models are off, their service is not asked, and none can be named", async () => {
  const { run, sent, origin } = await open();
  const off = { baseUrl: origin, modelUrl: null, token: "sandbox" };
  const setting = { open: async () => ({ ...off, apiVersion: "v1", isSandbox: true }) };
  expect((await run([], setting)).exitCode).toBe(0);
  expect(sent.filter(({ path }) => path.startsWith("/v1/"))).toEqual([]);
  await expect(run(["--model", MODEL], setting)).rejects.toThrow(/^Models are off, .*MODEL_URL/);
});

test("a pause that is asked for holds up the next request", async () => {
  const { run, sandbox, waits } = await open();
  sandbox.setFaults(["rate-limited-429:list*1"]);
  const { ofState, exitCode } = await run([]);
  expect(waits).toEqual([3_000]);
  expect([ofState("different"), exitCode]).toEqual([[], 0]);
});

test("where the token is refused, or nobody answers, nothing else is asked", async () => {
  const { run, sent, lines, sandbox } = await open({ token: "right" });
  const urls = {
    baseUrl: sandbox.url,
    modelUrl: sandbox.url,
    apiVersion: "v1",
    isSandbox: true,
  };
  const refused = await run([], { open: async () => ({ ...urls, token: "wrong" }) });
  expect([refused.exitCode, refused.ofState("different")]).toEqual([1, ["The token is accepted"]]);
  expect(lines.join()).toContain("Set a valid RUNCOMFY_API_TOKEN.");
  await sandbox.close();
  const alone = await run([], { open: async () => ({ ...urls, token: "right" }) });
  expect([alone.exitCode, alone.report.answeredBy]).toEqual([1, "Nobody"]);
  expect(lines.join()).toContain("could not be reached");
  expect(sent).toEqual([]);
});

test("a redirect is not followed, as it could take the token elsewhere", async () => {
  const reached: string[] = [];
  const elsewhere = await listen(
    createServer((request, response) => {
      reached.push(request.headers.authorization ?? "");
      response.end("[]");
    }),
  );
  const { origin } = await listen(
    createServer((_, response) => {
      response.writeHead(302, { location: elsewhere.origin }).end();
    }),
  );
  const { run } = await open();
  const urls = { baseUrl: origin, modelUrl: origin, token: "secret" };
  const { exitCode } = await run([], {
    open: async () => ({ ...urls, apiVersion: "v1", isSandbox: true }),
  });
  expect([exitCode, reached]).toEqual([1, []]);
});

test("each fact is listed in docs/verified.md, and relied on by a file", () => {
  const page = readPage("docs/verified.md");
  expect(FACTS.filter(({ name }) => !page.includes(`- ${name}: `))).toEqual([]);
  expect(FACTS.filter(({ reliedOn }) => !existsSync(join(ROOT, reliedOn)))).toEqual([]);
  expect(new Set(FACTS.map(({ name }) => name)).size).toBe(FACTS.length);
});
