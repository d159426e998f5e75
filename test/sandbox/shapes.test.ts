import { expect, test } from "vitest";

import file from "../../sandbox/src/deployments.json" with { type: "json" };
import workflow from "../../sandbox/src/workflow.json" with { type: "json" };
import { readPage } from "../support/pages.ts";
import { openSandbox } from "./open-sandbox.ts";

const MINUTE_MS = 60_000;
const FLASH = "/v1/models/blackforestlabs/flux-2/flash/text-to-image";
const LORA = `/prod/v2/deployments/${file.deployments[1]?.id}`;
const WORKFLOW = `/prod/v2/deployments/${workflow.id}`;

/** The names in the second table of the page. */
const [, page = ""] = readPage("sandbox/README.md").split("## Shapes");
const WEBHOOK_SWITCHES = ["late", "twice", "never", "forged"].map((how) => `webhook-${how}`);
const NAMES = Array.from(page.matchAll(/^\| `([\w-]+)` /gm), ([, name = ""]) => name);

/** A request of each kind and state, by a name; the calls to one of them begin with it. */
async function openRequests() {
  const sandbox = await openSandbox();
  const { call, clock } = sandbox;
  const submit = async (path: string, above: string, body: object) => {
    const { answer } = await call(path, body);
    return `${above}/requests/${Object(answer).request_id}`;
  };
  const failed = { prompt: "A kite [fail]" };
  const failedLora = await submit(`${LORA}/inference`, LORA, failed);
  const failedRun = await submit(`${WORKFLOW}/inference`, WORKFLOW, {
    overrides: { "6": { inputs: { text: "[fail]" } } },
  });
  const run = await submit(`${WORKFLOW}/inference`, WORKFLOW, {});
  const ended = await submit(FLASH, "/v1", { prompt: "A kite" });
  const failedModel = await submit(FLASH, "/v1", failed);
  clock.now += MINUTE_MS;
  const justEnded = await submit(FLASH, "/v1", { prompt: "A kite" });
  clock.now += 20_000;
  const queued = await submit(FLASH, "/v1", { prompt: "A kite [slow]" });
  const requests = { failedLora, failedRun, run, ended, failedModel, justEnded, queued };
  return { ...sandbox, requests };
}

const FILE = /files.*png$/;
const AN_ERROR = [{ error: expect.stringMatching(/failure/) }];

test("each shape of the page is what it says, and no answer has it unasked", async () => {
  const { requests, call, setFaults } = await openRequests();
  const { failedLora, failedRun, run, ended, failedModel, justEnded, queued } = requests;
  const text = (pattern: RegExp) => expect.stringMatching(pattern);
  const without = (key: string) => expect.not.objectContaining({ [key]: expect.anything() });
  const output = (value: unknown) => [
    `${ended}/result`,
    { status: 200, answer: { output: value } },
  ];
  const expected: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
    "short-submit": [[FLASH, { status: 202, answer: { status: "in_queue" } }, { prompt: "x" }]],
    "refused-400": [[FLASH, { status: 400, answer: { message: text(/./) } }, {}]],
    "other-words": [
      [`${queued}/status`, { answer: { status: "queued" } }],
      [`${ended}/status`, { answer: { status: "succeeded" } }],
      [`${ended}/result`, { answer: { status: "completed" } }],
      [`${failedRun}/result`, { answer: { status: "error" } }],
    ],
    "no-position": [[`${queued}/status`, { answer: without("queue_position") }]],
    "not-ready-400": [[`${queued}/result`, { status: 400, answer: { error_code: 400_005 } }]],
    "error-text": [
      [`${failedLora}/result`, { answer: { error: text(/failure/) } }],
      [`${failedRun}/result`, { answer: { error: text(/failure/) } }],
    ],
    "error-object": [
      [`${failedModel}/result`, { answer: { error: { message: text(/failure/) } } }],
      [`${failedRun}/result`, { answer: { error: { message: text(/failure/) } } }],
    ],
    "error-list": [
      [`${failedModel}/result`, { answer: { error: AN_ERROR } }],
      [`${failedLora}/result`, { answer: { error: AN_ERROR } }],
    ],
    "zoned-times": [
      [
        `${ended}/result`,
        { answer: { created_at: text(/\+00:00$/), finished_at: text(/\+00:00$/) } },
      ],
    ],
    "no-cost": [[`${ended}/result?include_cost=true`, { answer: without("cost") }]],
    "late-cost": [[`${justEnded}/result?include_cost=true`, { answer: without("cost") }]],
    "high-cost": [[`${ended}/result?include_cost=true`, { answer: { cost: 0.03 } }]],
    "balance-zero": [
      ["/prod/v2/balance", { answer: { balance_usd: 0, balance_microdollars: 0 } }],
      [FLASH, { status: 402, answer: { error_code: 400_002 } }, { prompt: "x" }],
      [`${LORA}/inference`, { status: 402, answer: { error_code: 10_001 } }, { prompt: "x" }],
    ],
    "balance-negative": [
      ["/prod/v2/balance", { answer: { balance_usd: -0.5, balance_microdollars: -500_000 } }],
      [FLASH, { status: 402, answer: { error_code: 400_002 } }, { prompt: "x" }],
    ],
    "old-cancel": [[`${ended}/cancel`, { answer: without("outcome") }, ""]],
    "requested-cancel": [
      [`${queued}/cancel`, { answer: { outcome: "cancellation_requested" } }, ""],
    ],
    "list-object": [["/prod/v2/deployments", { answer: { deployments: [{}, {}, {}, {}] } }]],
    "output-string": [output(text(FILE))],
    "output-list": [output([text(FILE)])],
    "output-objects": [
      output({ images: [{ url: text(FILE) }] }),
      [`${run}/result`, { answer: { outputs: { "9": { images: { url: text(FILE) } } } } }],
    ],
    "output-nested": [output({ result: { main: { url: text(FILE) } } })],
    "output-mixed": [output({ video: text(FILE), images: [text(FILE)], text: text(/./) })],
    "output-words": [output(text(/^No file/))],
    "output-empty": [
      [`${ended}/result`, { answer: { output: without("images") } }],
      [`${run}/result`, { answer: { outputs: without("9") } }],
    ],
  };
  const ofOtherTests = ["cancel-running", ...WEBHOOK_SWITCHES];
  expect([...Object.keys(expected), ...ofOtherTests].toSorted()).toEqual(NAMES.toSorted());
  for (const [name, cases] of Object.entries(expected)) {
    for (const [path, answer, body] of cases) {
      // A cancel, and a submit, has an answer of its own each time.
      if (body !== "") {
        setFaults([]);
        expect.soft(await call(String(path), body), name).not.toMatchObject(Object(answer));
      }
      setFaults([name]);
      expect.soft(await call(String(path), body), name).toMatchObject(Object(answer));
    }
  }
});

test("a job that runs is cancelled only where a shape lets it be, and several shapes go together", async () => {
  const { requests, call, clock, setFaults } = await openRequests();
  clock.now += 20_000;
  const { queued } = requests;
  expect((await call(`${queued}/status`)).answer).toMatchObject({ status: "in_progress" });
  const cancel = async () => (await call(`${queued}/cancel`, "")).answer;
  expect(await cancel()).toMatchObject({ outcome: "not_cancellable" });
  setFaults(["cancel-running", "old-cancel:cancel", "other-words"]);
  expect(await cancel()).toMatchObject({ status: "cancellation_requested" });
  expect((await call(`${queued}/status`)).answer).toMatchObject({ status: "canceled" });
  expect(await cancel()).toMatchObject({ status: "not_cancellable" });
});

test("a shape that is set for some times is spared by calls whose answers it leaves as they are", async () => {
  const { requests, call, setFaults } = await openRequests();
  const { queued } = requests;
  setFaults(["not-ready-400*1", "no-position*1"]);
  await call("/prod/v2/deployments");
  await call(FLASH, { prompt: "A kite" });
  const statuses = [await call(`${queued}/status`), await call(`${queued}/status`)];
  expect(statuses.map(({ answer }) => Object.hasOwn(Object(answer), "queue_position"))).toEqual([
    false,
    true,
  ]);
  expect(await call(`${queued}/result`)).toMatchObject({ answer: { error_code: 400_005 } });
  expect(await call(`${queued}/result`)).not.toMatchObject({ answer: { error_code: 400_005 } });
});

test("a late cost comes half a minute after the end, and a balance that is spent is shown where submits go on", async () => {
  const { requests, call, clock, setFaults } = await openRequests();
  setFaults(["late-cost", "balance-zero:balance"]);
  const result = async () => (await call(`${requests.justEnded}/result?include_cost=true`)).answer;
  expect(await result()).not.toHaveProperty("cost");
  clock.now += 30_000;
  expect(await result()).toMatchObject({ cost: 0.01 });
  expect(await call("/prod/v2/balance")).toMatchObject({ answer: { balance_usd: 0 } });
  expect(await call(FLASH, { prompt: "x" })).toMatchObject({ status: 200 });
});
