import { createServer } from "node:net";

import { startSandbox } from "runcomfy-sandbox";
import { expect, onTestFinished, test } from "vitest";

import file from "../../sandbox/src/deployments.json" with { type: "json" };
import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { OF_KINDS, writeDeploymentsOfKinds } from "../support/deployments-of-kinds.ts";
import { listenOnLoopback } from "../support/listen-on-loopback.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { DATABASES, start } from "./open-gateway.ts";

const LATER = { timeout: 25_000 };
/** 15 s lie between two polls, in which a job ends. */
const RARE_POLLS = { POLL_COST_SECONDS: "10" };
const [, DEPLOYMENT = ""] = file.deployments.map(({ id }) => id);
const SUBMIT = `mutation ($id: ID!) { submitJob(deploymentId: $id, input: { prompt: "A lantern" }) {
  ... on SubmitJobSuccess { job { id } } ... on Error { __typename message } } }`;

async function findPort(): Promise<number> {
  const server = createServer();
  const port = await listenOnLoopback(server);
  await new Promise((resolve) => void server.close(resolve));
  return port;
}

/** A sandbox of its own, whose jobs take a few seconds, and what gateways need to use it. */
async function openSandbox() {
  const sandbox = await startSandbox({
    ...{ port: 0, token: "sandbox", speed: 5, dataFolder: null },
  });
  onTestFinished(() => sandbox.close());
  return { RUNCOMFY_BASE_URL: sandbox.url, RUNCOMFY_API_TOKEN: "sandbox", ...RARE_POLLS };
}

/** A gateway that RunComfy may call by default, and what it reports of that. */
async function open(variables: Readonly<Record<string, string>>) {
  const port = await findPort();
  const reported: string[] = [];
  const channels = createChannels();
  channels.upstreamWebhooks.subscribe((what) => void reported.push(what));
  const PUBLIC_URL = `http://127.0.0.1:${port}`;
  const gateway = await start({ PORT: String(port), PUBLIC_URL, ...variables }, { channels });
  const submit = async (): Promise<string> =>
    (await gateway.ask(SUBMIT, { id: DEPLOYMENT })).submitJob.job.id;
  const read = async (id: string): Promise<unknown> =>
    (await gateway.ask("query ($id: ID!) { job(id: $id) { status version } }", { id })).job;
  const countCalls = async (): Promise<unknown> =>
    (
      await gateway.ask("query ($id: ID!) { deployment(id: $id) { stats { upstreamWebhooks } } }", {
        id: DEPLOYMENT,
      })
    ).deployment.stats.upstreamWebhooks;
  return { ...gateway, PUBLIC_URL, reported, submit, read, countCalls };
}

test("RunComfy's call shows the end of a job at once, whichever gateway of the database it reaches", async () => {
  const shared = {
    ...(await openSandbox()),
    DATABASE_URL: await DATABASES.Postgres(),
    FILES_URL: `file:${await createTemporaryFolder()}`,
  };
  const called = await open(shared);
  const other = await open({ ...shared, PUBLIC_URL: called.PUBLIC_URL });
  const id = await other.submit();
  await expect.poll(() => other.read(id), LATER).toMatchObject({ status: "SUCCEEDED" });
  expect([called.reported, other.reported]).toEqual([["taken"], []]);
  expect([...called.lines, ...other.lines].join()).not.toMatch(/upstream-webhooks|signature/);
  expect([await called.countCalls(), await other.countCalls()]).toEqual([1, 0]);
});

test("without an address that RunComfy can reach, or if it is turned off, it is not asked to call", async () => {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const base = { DEPLOYMENTS_FILE: await writeDeploymentsOfKinds() };
  const PUBLIC_URL = "https://gateway.example.com";
  const submitTo = async (variables: Readonly<Record<string, string>>, id: string) => {
    const { ask } = await start({ ...base, ...variables }, { upstream });
    const { submitJob } = await ask(SUBMIT, { id });
    const { search } = new URL(
      upstream.requests.findLast(({ call }) => call === "submit")?.path ?? "",
      upstream.url,
    );
    const webhook = new URLSearchParams(search).get("webhook");
    return webhook?.replace(submitJob.job.id, "ID") ?? null;
  };
  const url =
    /^https:\/\/gateway\.example\.com\/upstream-webhooks\/ID\?expires=\d+&signature=[\w-]{43}$/;
  expect(await submitTo({ PUBLIC_URL }, OF_KINDS.lora)).toMatch(url);
  expect(await submitTo({ PUBLIC_URL }, OF_KINDS.comfyui)).toMatch(url);
  expect(
    await submitTo({ PUBLIC_URL, RUNCOMFY_MODEL_URL: upstream.url }, OF_KINDS.model),
  ).toBeNull();
  expect(await submitTo({ PUBLIC_URL, UPSTREAM_WEBHOOKS: "false" }, OF_KINDS.lora)).toBeNull();
  expect(await submitTo({}, OF_KINDS.lora)).toBeNull();
  expect(await submitTo({ PUBLIC_URL: "http://gateway.example.com" }, OF_KINDS.lora)).toBeNull();
});
