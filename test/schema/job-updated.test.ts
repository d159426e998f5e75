import { expect, test } from "vitest";

import { Stream } from "../../src/runtime/stream.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

const WATCH =
  "subscription ($id: ID!) { jobUpdated(id: $id) { status version output history { version } } }";

async function openWatch() {
  const gateway = await openInProcessGateway();
  const job = await gateway.addJob();
  const stream = await gateway.subscribe(WATCH, { id: job.id });
  if (!(stream instanceof Stream)) throw new AggregateError(stream.errors ?? []);
  return { gateway, job, stream };
}

test("a watcher sees the job now, each change with its own history, the end, and then nothing more", async () => {
  const { gateway, job, stream } = await openWatch();
  async function expectNext(version: number, status: string, output: unknown = null) {
    const history = [{ version: 1 }, { version: 2 }, { version: 3 }].slice(0, version);
    const { value } = await stream.next();
    expect(value).toEqual({ data: { jobUpdated: { status, version, output, history } } });
  }
  await expectNext(1, "SUBMITTING");
  const running = await gateway.observe(job, { kind: "running" });
  await expectNext(2, "IN_PROGRESS");
  const output = { text: "done" };
  await gateway.observe(running, { kind: "succeeded", output, finishedAt: null });
  await expectNext(3, "SUCCEEDED", output);
  expect(await stream.next()).toEqual({ value: undefined, done: true });
});

test("watching what is nobody's job is answered with NOT_FOUND", async () => {
  const gateway = await openInProcessGateway();
  for (const id of ["job_unknown", "job_\u0000", ""])
    expect(await gateway.subscribe(WATCH, { id })).toMatchObject({
      errors: [{ extensions: { code: "NOT_FOUND" } }],
    });
});

test("a job that is refused while it is watched ends the stream with NOT_FOUND as its last event", async () => {
  const { gateway, job, stream } = await openWatch();
  await stream.next();
  await gateway.store.jobs.withdraw(job.id);
  expect((await stream.next()).value).toMatchObject({
    errors: [{ extensions: { code: "NOT_FOUND" } }],
  });
  expect((await stream.next()).done).toBe(true);
});
