import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { createDatabase } from "../support/postgres.ts";
import type { AttackedGateway } from "./attacked-gateway.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";

vi.setConfig({ testTimeout: 120_000 });

const JOBS = 6;
const STATUSES = "{ jobs(first: 6) { edges { node { status } } } }";

type Shape = readonly [what: string, deploymentId: string];
const TEXTS: Shape = ["texts that are escaped", "fault-texts-result"];
/** The worker reads them, whatever database takes the text that comes of them. */
const ALL: readonly Shape[] = [
  ["lists of numbers", "fault-numbers-result"],
  ["lists of lists", "fault-lists-result"],
  TEXTS,
];

describe.each<readonly [name: string, open: typeof createDatabase, shapes: readonly Shape[]]>([
  ["SQLite", async () => ({ url: ":memory:", drop: async () => undefined }), ALL],
  ["Postgres", createDatabase, [TEXTS]],
])("on %s", (_name, openDatabase, shapes) => {
  let database: Awaited<ReturnType<typeof openDatabase>>;
  let gateway: AttackedGateway;

  beforeAll(async () => {
    database = await openDatabase();
    gateway = await startAttackedGateway({ DATABASE_URL: database.url });
    // What is loaded or compiled at first is not what is measured, nor is the start of the worker.
    for (const deploymentId of ["d", "fault-two-mebibytes--result"]) await run(deploymentId);
  });

  afterAll(async () => {
    await gateway.end();
    await database.drop();
  });

  /** Runs a job to its end. */
  async function run(deploymentId = "d"): Promise<void> {
    const answer = await gateway.ask(
      `mutation { submitJob(deploymentId: "${deploymentId}", input: {}, answerWithinSeconds: 20) { ... on SubmitJobSuccess { job { status } } } }`,
    );
    expect(answer).toContain("SUCCEEDED");
  }

  /** Lets the results of many jobs come at once, and waits until all were taken. */
  async function attack(deploymentId: string, taken: RegExp): Promise<void> {
    const { upstream } = gateway;
    upstream.script(deploymentId, ["succeeded"]);
    const query = `mutation ($items: [SubmitJobItem!]!) { submitJobs(items: $items) { __typename } }`;
    const items = Array.from({ length: JOBS }, () => ({ deploymentId, input: {} }));
    await gateway.expectShortTurns(async (_attempt, begin) => {
      const release = upstream.hold("result");
      const asked = upstream.count("result", deploymentId);
      await gateway.ask({ query, variables: { items } });
      await upstream.whenRequested("result", asked + JOBS, deploymentId);
      await begin();
      release();
      await expect.poll(() => gateway.ask(STATUSES), { timeout: 60_000 }).toMatch(taken);
    });
    await gateway.expectUnharmed();
  }

  test.each(shapes)(
    "results that come together and are long %s hold no turn",
    async (_what, deploymentId) => {
      await attack(deploymentId, /^(?!.*IN_)(.*SUCCEEDED){6}/);
    },
  );

  test("results that come together and are nested far too deep hold no turn, and are not fetched again soon", async () => {
    const { upstream } = gateway;
    const deploymentId = "fault-deep-result";
    await attack(deploymentId, /./);
    const statuses = upstream.count("status", deploymentId);
    const results = upstream.count("result", deploymentId);
    await run();
    expect(upstream.count("result", deploymentId)).toBe(results);
    expect(upstream.count("status", deploymentId)).toBe(statuses);
  });
});
