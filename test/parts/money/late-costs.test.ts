import { createRequire } from "node:module";

import { startSandbox } from "runcomfy-sandbox";
import { expect, onTestFinished, test } from "vitest";

import { DATABASES, KINDS } from "../../gateway/open-gateway.ts";
import { runGateway } from "../../support/gateway-process.ts";
import { ask } from "../../support/graphql-client.ts";

const DEPLOYMENTS_FILE = createRequire(import.meta.url).resolve(
  "runcomfy-sandbox/deployments.json",
);
const SUBMIT = `mutation { submitJob(
  deploymentId: "blackforestlabs/flux-2/flash/text-to-image", input: { prompt: "A kite" }, answerWithinSeconds: 20
) { ... on SubmitJobSuccess { job { id status cost { source } } } } }`;
const READ = `query ($id: ID!) { job(id: $id) { cost { source usd } } }`;
const DELETE = `mutation ($id: ID!) { deleteJob(id: $id) { __typename } }`;
const USAGE = `query ($from: DateTime!, $to: DateTime!) {
  usage(from: $from, to: $to, groupBy: []) { jobs exactUsd unknownJobs }
}`;

test.each(KINDS)(
  "a cost that comes after a kill -9 is shown and summed up, on %s, that of a deleted job too",
  { timeout: 120_000 },
  async (kind) => {
    const sandbox = await startSandbox({
      ...{ port: 0, token: "t", speed: 500, dataFolder: null, faults: ["no-cost"] },
    });
    onTestFinished(() => sandbox.close());
    const environment = {
      DATABASE_URL: await DATABASES[kind](),
      RUNCOMFY_BASE_URL: sandbox.url,
      RUNCOMFY_MODEL_URL: sandbox.url,
      RUNCOMFY_API_TOKEN: "t",
      DEPLOYMENTS_FILE,
    };
    const before = runGateway(environment);
    const origin = await before.url;
    const day = new Date();
    const ids = [];
    for (let count = 0; count < 2; count += 1) {
      const { job } = Object(await ask(origin, SUBMIT)).submitJob;
      expect(job).toMatchObject({ status: "SUCCEEDED", cost: { source: "ESTIMATED" } });
      ids.push(job.id);
    }
    const [kept, deleted] = ids;
    await ask(origin, DELETE, { variables: { id: deleted } });
    await before.kill("SIGKILL");
    sandbox.setFaults([]);

    const next = await runGateway(environment).url;
    const of = { from: day.toISOString(), to: new Date().toISOString() };
    await expect
      .poll(() => ask(next, USAGE, { variables: of }), { timeout: 90_000, interval: 500 })
      .toEqual({ usage: [{ jobs: 2, exactUsd: 0.02, unknownJobs: 0 }] });
    expect(await ask(next, READ, { variables: { id: kept } })).toEqual({
      job: { cost: { source: "EXACT", usd: 0.01 } },
    });
  },
);
