import { buildSchema, GraphQLError, parse } from "graphql";
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";

import type { Viewer } from "../../src/auth/viewer.ts";
import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import { createMaskError } from "../../src/api/operations/mask-error.ts";
import { createSlots } from "../../src/api/operations/owner-limits.ts";
import { createSubscribe } from "../../src/api/operations/subscribe.ts";
import { DatabaseUnreachableError } from "../../src/engine/store/database-error.ts";
import { createViewer } from "../support/viewers.ts";

const DOCUMENT = parse("subscription ($add: Int) { counted(add: $add) }");
const ANNA = createViewer({ ownerId: "anna" });

/** Everybody gets the same event; `count` is how often something was made of it. */
function createRunner({ failure = null }: { readonly failure?: Error | null } = {}) {
  const event = { value: 1 };
  let current = failure;
  let count = 0;
  /** What was read for an operation lasts until it starts anew. */
  const startAnew = vi.fn<() => void>();
  const channels = createChannels();
  const failedEvents: unknown[] = [];
  channels.failedEvent.subscribe((code) => failedEvents.push(code));
  const schema = buildSchema("type Query { a: Int } type Subscription { counted(add: Int): Int }");
  const field = schema.getSubscriptionType()?.getFields()["counted"];
  if (field === undefined) throw new Error("There is no such field.");
  field.subscribe = async function* () {
    yield event;
  };
  field.resolve = async ({ value }, { add }) => {
    count += 1;
    if (current !== null) throw current;
    return value + (add ?? 0);
  };
  const subscribe = createSubscribe({
    slots: createSlots({ what: "subscriptions", most: 2, channels }),
    maskError: createMaskError({ log: pino({ level: "silent" }), hasSuggestions: true }),
    channels,
  });
  return {
    count: () => count,
    startAnew,
    failedEvents,
    mend: () => (current = null),
    async open(viewer: Viewer, variableValues: { add?: number } = {}, document = DOCUMENT) {
      const args = {
        schema,
        document,
        variableValues,
        contextValue: { viewer, reads: { startAnew } },
      };
      const results = await subscribe(args);
      if (!("next" in results)) throw new AggregateError(results.errors ?? []);
      return results;
    },
  };
}

test("those who ask for the same with the same rights share what is made of an event", async () => {
  const { open, count } = createRunner();
  const [one, other] = [await open(ANNA), await open(ANNA)];
  const results = await Promise.all([one.next(), other.next()]);
  expect(results).toEqual(
    Array.from({ length: 2 }, () => ({ done: false, value: { data: { counted: 1 } } })),
  );
  expect(count()).toBe(1);
});

test.each([
  ["variables", ANNA, { add: 2 }, DOCUMENT, 3],
  ["an owner", createViewer({ ownerId: "ben" }), {}, DOCUMENT, 1],
  ["scopes", createViewer({ ownerId: "anna", scopes: new Set(["jobs:read"]) }), {}, DOCUMENT, 1],
  ["a document", ANNA, {}, parse("subscription { counted }"), 1],
] as const)(
  "those with %s of their own share nothing",
  async (_what, viewer, variables, document, counted) => {
    const { open, count } = createRunner();
    const [one, other] = [await open(ANNA), await open(viewer, variables, document)];
    await one.next();
    expect(await other.next()).toEqual({ done: false, value: { data: { counted } } });
    expect(count()).toBe(2);
  },
);

test("what was made of an event is shared for a second, as its other fields may change", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { open, count } = createRunner();
  await (await open(ANNA)).next();
  vi.advanceTimersByTime(1_000);
  await (await open(ANNA)).next();
  expect(count()).toBe(2);
});

test.each([
  [new GraphQLError("There is no room."), "BAD_USER_INPUT", "There is no room."],
  [new Error("a mistake"), "INTERNAL_SERVER_ERROR", expect.stringContaining("Something went")],
])("a result with %s is everybody's, and its stream goes on", async (failure, code, message) => {
  const { open, count, failedEvents } = createRunner({ failure });
  const [one, other] = [await open(ANNA), await open(ANNA)];
  for (const { value } of await Promise.all([one.next(), other.next()]))
    expect(value).toMatchObject({
      data: { counted: null },
      errors: [{ message, extensions: { code } }],
    });
  expect(count()).toBe(1);
  expect(failedEvents).toEqual([code]);
  expect(one.isOver).toBe(false);
});

test("an event whose fields the database can't read ends its stream with the error, without data to go on from", async () => {
  const { open, count } = createRunner({ failure: new DatabaseUnreachableError({}) });
  const [one, other] = [await open(ANNA), await open(ANNA)];
  const extensions = { code: "UNAVAILABLE" };
  for (const { value } of await Promise.all([one.next(), other.next()]))
    expect(value).toMatchObject({ data: null, errors: [{ extensions }] });
  expect(count()).toBe(1);
  for (const { done } of await Promise.all([one.next(), other.next()])) expect(done).toBe(true);
  // Both have given back their slots.
  await Promise.all([open(ANNA), open(ANNA)]);
});

test("a subscription takes its slot until it has ended or is left", async () => {
  const { open } = createRunner();
  const [one, other] = [await open(ANNA), await open(ANNA)];
  await expect(open(ANNA)).rejects.toThrow();
  await one.return();
  await open(ANNA);
  await other.next();
  expect((await other.next()).done).toBe(true);
  await open(ANNA);
});
