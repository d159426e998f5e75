import { GraphQLError } from "graphql";
import pg from "pg";
import { pino } from "pino";
import { expect, test } from "vitest";
import { z } from "zod";

import { toLoggedError } from "../src/create-log.ts";

const SECRET = "canary-prompt";

/** An error as pg makes it of what Postgres says. */
function createPostgresError(code: string, message: string): pg.DatabaseError {
  const details = {
    code,
    detail: `Failing row contains (${SECRET}).`,
    hint: SECRET,
    where: `unnamed portal with parameters: $1 = '${SECRET}'`,
    internalQuery: SECRET,
    table: "jobs",
    constraint: "jobs_check",
  };
  return Object.assign(new pg.DatabaseError(message, 1, "error"), details);
}

function log(error: unknown): string {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  pino({ serializers: { err: toLoggedError } }, { write }).error({ err: error }, "It failed.");
  return lines.join("");
}

test("of an error the log gets type, message, stack and code", () => {
  const error = Object.assign(new TypeError("It is odd."), { code: "E_ODD", body: SECRET });
  expect(toLoggedError(error)).toEqual({
    type: "TypeError",
    message: "It is odd.",
    stack: expect.stringMatching(/^TypeError: It is odd\.\n +at .*logged-error\.test\.ts/),
    code: "E_ODD",
  });
  expect(log(error)).not.toContain(SECRET);
});

test.each([
  ["22P02", `invalid input syntax for type json: "${SECRET}"`],
  ["23514", 'new row for relation "jobs" violates check constraint "jobs_check"'],
  ["P0001", `${SECRET}\n    at ${SECRET} (x.ts:1:1)`],
  ["28P01", `password authentication failed for user "${SECRET}"`],
  ["53300", `too many connections for role "${SECRET}"`],
])(
  "what Postgres says with code %s is logged by its code, table and constraint",
  (code, message) => {
    const error = createPostgresError(code, message);
    for (const wrapped of [
      error,
      new Error("The job was not saved.", { cause: error }),
      new Error(`Not saved: ${message}`, { cause: error }),
      new GraphQLError(message, { originalError: error, path: ["submitJob"] }),
      new AggregateError([new Error("other"), error], message),
    ]) {
      const line = log(wrapped);
      expect(line).not.toContain(SECRET);
      expect(line).toContain(`code ${code} (table jobs, constraint jobs_check)`);
      expect(line).toContain("logged-error.test.ts");
    }
  },
);

test.each([
  ["57014", "canceling statement due to statement timeout"],
  ["40P01", "deadlock detected"],
  ["55P03", "canceling statement due to lock timeout"],
  ["42P01", 'relation "jobs" does not exist'],
])("what Postgres says of itself with code %s is logged in its own words", (code, message) => {
  const logged = toLoggedError(createPostgresError(code, message));
  expect(logged).toMatchObject({ type: "DatabaseError", message, code });
  expect(JSON.stringify(logged)).not.toContain(SECRET);
});

test.each([
  ["a check of a value", () => z.strictObject({ a: z.string() }).parse({ [SECRET]: SECRET })],
  ["reading JSON", () => JSON.parse(`"${SECRET}`.slice(0, 12))],
  [
    "a request",
    () => {
      throw new Error(`Request failed: GET https://api.example/${SECRET}`);
    },
  ],
])("%s that failed is logged without the value", (_case, act) => {
  const error = catchError(act);
  expect(log(error)).not.toMatch(/canary/);
  expect(toLoggedError(error).stack).toContain("logged-error.test.ts");
});

test.each([[SECRET], [{ message: SECRET }], [null], [undefined], [7]])(
  "of %j, which is no error, nothing is logged",
  (thrown) => {
    expect(toLoggedError(thrown).message).toMatch(/no error/);
    expect(log(thrown)).not.toContain(SECRET);
  },
);

test("causes, members and texts have an end, and a circle has too", () => {
  const circle = new Error("round");
  circle.cause = new AggregateError(
    Array.from({ length: 1_000 }, () => circle),
    "x".repeat(1_000_000),
  );
  expect(log(circle).length).toBeLessThan(200_000);
});

test("an error that can't be read does not end the gateway", () => {
  const error = new Error("odd");
  Object.defineProperty(error, "cause", {
    get() {
      throw new Error(SECRET);
    },
  });
  expect(log(error)).not.toContain(SECRET);
});

function catchError(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
