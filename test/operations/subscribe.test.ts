import { buildSchema, GraphQLError, parse } from "graphql";
import { expect, onTestFinished, test, vi } from "vitest";

import type { Viewer } from "../../src/auth/viewer.ts";
import { createSlots } from "../../src/operations/owner-limits.ts";
import { createSubscribe } from "../../src/operations/subscribe.ts";
import { createViewer } from "../support/viewers.ts";

const DOCUMENT = parse("subscription ($add: Int) { counted(add: $add) }");
const ANNA = createViewer({ ownerId: "anna" });

/** Everybody is told of the same event; `count` is how often something was made of it. */
function createRunner({ fails = false } = {}) {
  const event = { value: 1 };
  let count = 0;
  const schema = buildSchema("type Query { a: Int } type Subscription { counted(add: Int): Int }");
  const field = schema.getSubscriptionType()?.getFields()["counted"];
  if (field === undefined) throw new Error("There is no such field.");
  field.subscribe = async function* () {
    yield event;
  };
  field.resolve = async ({ value }, { add }) => {
    count += 1;
    if (fails) throw new GraphQLError("There is no room.");
    return value + (add ?? 0);
  };
  const subscribe = createSubscribe({
    slots: createSlots({ what: "subscriptions", most: 2 }),
    maskError: (error) => new GraphQLError(`masked: ${Object(error).message}`),
  });
  return {
    count: () => count,
    async open(viewer: Viewer, variableValues: { add?: number } = {}, document = DOCUMENT) {
      const args = { schema, document, variableValues, contextValue: { viewer } };
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

test("what was made of an event is shared for a second, as what else it tells may change", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { open, count } = createRunner();
  await (await open(ANNA)).next();
  vi.advanceTimersByTime(1_000);
  await (await open(ANNA)).next();
  expect(count()).toBe(2);
});

test("a result with errors is nobody else's, and its errors are masked", async () => {
  const { open, count } = createRunner({ fails: true });
  const [one, other] = [await open(ANNA), await open(ANNA)];
  for (const { value } of await Promise.all([one.next(), other.next()])) {
    expect(value.errors).toMatchObject([{ message: "masked: There is no room." }]);
  }
  expect(count()).toBe(2);
});

test("a subscription takes its slot until it has ended or is left", async () => {
  const { open } = createRunner();
  const [one, other] = [await open(ANNA), await open(ANNA)];
  await expect(open(ANNA)).rejects.toThrow();
  await one.return();
  const third = await open(ANNA);
  await expect(open(ANNA)).rejects.toThrow();
  await other.next();
  expect((await other.next()).done).toBe(true);
  await open(ANNA);
  await third.return();
});
