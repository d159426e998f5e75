import { expect, test, vi } from "vitest";

import { collectGarbage } from "../support/collect-garbage.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

test("while a stream waits for the next event, it holds nothing of the last one", async () => {
  const read: WeakRef<object>[] = [];
  const gateway = await openInProcessGateway();
  gateway.store.documents.read = async (ids) =>
    ids.map(() => {
      const input = { bytes: 19, text: '{"prompt":"a glow"}' };
      read.push(new WeakRef(input));
      return { input, output: null, assets: null };
    });
  const job = await gateway.addJob();
  const stream = await gateway.subscribe("subscription { jobsUpdated { job { input } } }", {});
  if (!(Symbol.asyncIterator in stream)) throw new AggregateError(stream.errors ?? []);
  let reported = 0;
  const listening = (async () => {
    for await (const { errors } of stream) if (errors === undefined) reported += 1;
  })();

  await gateway.observe(job, { kind: "running" });
  await vi.waitFor(() => {
    expect(reported).toBeGreaterThan(0);
    collectGarbage();
    expect(read.every((documents) => documents.deref() === undefined)).toBe(true);
  }, 10_000);
  expect(read.length).toBeGreaterThan(0);
  await stream.return();
  await listening;
});
