import { parse, subscribe } from "graphql";
import { expect, test, vi } from "vitest";

import { createMemoryBudget } from "../../src/runtime/memory-budget.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

test("while a stream waits for the next event, it holds nothing of the last one", async () => {
  const read: WeakRef<object>[] = [];
  const gateway = await openInProcessGateway({
    details: {
      readDocuments() {
        const input = { bytes: 19, text: '{"prompt":"a glow"}' };
        read.push(new WeakRef(input));
        return Promise.resolve({ input, output: null, assets: null });
      },
    },
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

test("a stream that needs nothing but its job leaves its share of the memory alone", async () => {
  const gateway = await openInProcessGateway();
  const { id } = await gateway.addJob();
  const share = createMemoryBudget({ mostBytes: 1_000 }).open("anna", () => undefined);
  const uses = (["take", "acquire", "refund", "charge", "check", "onClose"] as const).map((name) =>
    vi.spyOn(share, name),
  );
  const contextValue = gateway.openContext(share);
  const document = parse(`subscription { jobUpdated(id: "${id}") { status version } }`);
  const stream = await subscribe({ schema: gateway.schema, document, contextValue });
  if (!(Symbol.asyncIterator in stream)) throw new AggregateError(stream.errors ?? []);
  expect(await stream.next()).toMatchObject({ value: { data: { jobUpdated: { version: 1 } } } });
  await stream.return();
  expect(uses.flatMap(({ mock }) => mock.calls)).toEqual([]);
});
