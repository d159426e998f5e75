import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";

import { expect, test } from "vitest";

import { SANDBOX, start } from "../../gateway/open-gateway.ts";
import { listen } from "../../support/listen.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

/** The protocol's own suite, which asks a server for fixtures of its own beside what every server has. */
const PROGRAM = join(
  dirname(createRequire(import.meta.url).resolve("@modelcontextprotocol/conformance/package.json")),
  "dist/index.js",
);

/** Scenarios that call tools, or read resources, that only a fixture of the suite has: `test_simple_text` and the like. */
const FIXTURES = [
  ...["tools-call-simple-text", "tools-call-image", "tools-call-audio", "tools-call-error"],
  ...["tools-call-embedded-resource", "tools-call-mixed-content", "tools-call-with-progress"],
  ...["resources-read-text", "resources-read-binary", "resources-templates-read"],
  "json-schema-2020-12",
];
/** Their fixtures `slow_compute`, `failing_job` and others are tools: a test below has jobs in their places. */
const TASKS = [
  ...["lifecycle", "capability-negotiation", "wire-fields", "request-state-removal", "mrtr-input"],
  ...["request-headers", "dispatch-and-envelope", "required-task-error", "mrtr-composition"],
].map((name) => `tasks-${name}`);
/** The gateway has neither prompts nor completions. */
const PROMPTS = [
  ...["completion-complete", "prompts-list", "prompts-get-simple", "prompts-get-with-args"],
  ...["prompts-get-embedded-resource", "prompts-get-with-image"],
];

/** What does not apply to a server that has jobs, and asks nothing of its clients. */
const NOT_APPLICABLE = {
  "2026-07-28": [
    ...FIXTURES,
    ...PROMPTS,
    ...TASKS,
    "http-custom-header-server-validation",
    // The gateway asks its clients for nothing, so it has no tools that answer with `input_required`.
    ...["basic-elicitation", "basic-sampling", "basic-list-roots", "request-state"].map(toInput),
    ...["multiple-input-requests", "multi-round", "non-tool-request", "result-type"].map(toInput),
    ...["tampered-state", "capability-check"].map(toInput),
    // Its tools `test_missing_capability`, `test_streaming_elicitation` and `test_logging_tool`.
    "server-stateless:sep-2575-server-rejects-undeclared-capability",
    "server-stateless:sep-2575-missing-capability-http-400",
    "server-stateless:sep-2575-http-server-no-independent-requests-on-stream",
    "server-stateless:sep-2575-server-no-log-without-loglevel",
    "caching:sep-2549-prompts-list-caching-hints",
  ],
  "2025-11-25": [
    ...FIXTURES,
    ...PROMPTS,
    // Its fixtures, for what a server asks of its client.
    ...["tools-call-with-logging", "tools-call-sampling", "tools-call-elicitation"],
    ...["elicitation-sep1034-defaults", "elicitation-sep1330-enums"],
    // The gateway holds no session, so it sends no log and no change of a resource.
    ...["logging-set-level", "resources-subscribe", "resources-unsubscribe"],
  ],
} as const;

function toInput(name: string): string {
  return `input-required-result-${name}`;
}

test.each(["2026-07-28", "2025-11-25"] as const)(
  "keeps to all that applies of the suite of %s, and nothing that does is said not to",
  async (revision) => {
    const { url } = await start(SANDBOX);
    const folder = await createTemporaryFolder();
    await run("server", "--url", `${url}/mcp`, "--requirements", revision, "-o", folder);
    const { passed, failed } = await readResults(folder);
    expect(failed).toEqual(new Set<string>(NOT_APPLICABLE[revision]));
    expect(passed).toBeGreaterThan(MIN_PASSED);
  },
);

/** Of the tasks' scenarios, checks that no job can stand in for. */
const NO_JOBS = new Set([
  // No tool needs tasks: without them the client gets the job's id.
  "sep-2663-server-returns-missing-capability-when-required",
  // No job fails by an error of the protocol.
  "sep-2663-tasks-get-status-failed",
  // It wants the greeting of `greet`.
  "tasks-headers-tolerate-mcp-method-on-tools-call",
  // It calls a tool that asks its client.
  "tasks-result-type-complete-on-non-task-responses",
]);

test("keeps to the suite of tasks, where jobs stand in for its fixtures", async () => {
  const { url, upstream } = await start();
  upstream.script("quick", ["in_progress", "succeeded"]);
  upstream.script("long", ["in_queue"]);
  upstream.script("broken", ["failed"]);
  const stage = await startStage(new URL("/mcp", url));
  const folder = await createTemporaryFolder();
  for (const scenario of TASKS.filter((name) => !name.includes("mrtr")))
    await run("server", "--url", stage, "--scenario", scenario, "-o", folder);
  const { passed, failed } = await readResults(folder, new Set(TASKS));
  const checks = [...failed].map((one) => one.split(":")[1]);
  expect(new Set(checks)).toEqual(NO_JOBS);
  expect(passed).toBeGreaterThan(MIN_PASSED_OF_TASKS);
});

const MIN_PASSED_OF_TASKS = 20;

/** Passes messages on, with calls of tools in place of those that only the suite's fixtures have; gives its address. */
async function startStage(target: URL): Promise<string> {
  const server = createServer(async (request, response) => {
    const message = JSON.parse(await text(request));
    const { name, arguments: given } = message.params ?? {};
    const call = toCall(name, given);
    if (message.method === "tools/call" && call !== null) Object.assign(message.params, call);
    const headers = new Headers({ accept: request.headers.accept ?? "" });
    for (const [key, value] of Object.entries(request.headers))
      if (/^(?:mcp-|content-type)/.test(key)) headers.set(key, String(value));
    if (call !== null && headers.get("mcp-name") === name) headers.set("mcp-name", call.name);
    const body = JSON.stringify(message);
    const answer = await fetch(target, { method: "POST", headers, body });
    const type = answer.headers.get("content-type");
    response.writeHead(answer.status, type === null ? {} : { "content-type": type });
    response.end(await answer.text());
  });
  return (await listen(server)).origin;
}

function toCall(name: unknown, given: { readonly seconds?: number } | undefined) {
  const run = (deployment_id: string) => ({
    name: "submit_job",
    arguments: { deployment_id, input: { ...given }, new_run: true },
  });
  if (name === "greet") return { name: "list_jobs", arguments: {} };
  if (name === "slow_compute") return run((given?.seconds ?? 0) > 10 ? "long" : "quick");
  return name === "failing_job" ? run("broken") : null;
}

/** The scenarios of which only parts need fixtures. */
const MIXED = new Set(["server-stateless", "caching"]);
const MIN_PASSED = 30;

/** Runs the suite's program, which ends with 1 where anything failed. */
function run(...parameters: string[]): Promise<unknown> {
  return new Promise(
    (resolve) => void execFile(process.execPath, [PROGRAM, ...parameters], resolve),
  );
}

/** What failed: scenarios, or of the mixed ones their checks. */
async function readResults(folder: string, mixed: ReadonlySet<string> = MIXED) {
  const failed = new Set<string>();
  let passed = 0;
  for (const name of await readdir(folder)) {
    const scenario = /^server-(.*)-\d{4}-\d\d-\d\dT/.exec(name)?.[1] ?? name;
    const checks: readonly { readonly id: string; readonly status: string }[] = JSON.parse(
      await readFile(join(folder, name, "checks.json"), "utf8"),
    );
    for (const { id, status } of checks) {
      if (status === "SUCCESS") passed += 1;
      if (status === "FAILURE") failed.add(mixed.has(scenario) ? `${scenario}:${id}` : scenario);
    }
  }
  return { passed, failed };
}
