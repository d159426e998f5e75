import type { Logger } from "pino";
import { pino } from "pino";
import { onTestFinished } from "vitest";

import { toUnlisted } from "../../src/deployments/catalogue.ts";
import { createSchema as createGatewaySchema } from "../../src/schema/create-schema.ts";
import { startServer } from "../../src/server/start-server.ts";
import {
  GraphQLError,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
} from "graphql";

/**
 * A server of a small schema, closed when the test ends; `counts` tells how many `ticks` streams are open and how many
 * `wait` fields wait for `release`.
 */
export async function serve(
  overrides: { readonly checkDatabase?: () => Promise<void>; readonly log?: Logger } = {},
) {
  const counts = { open: 0, waiting: 0 };
  const { promise: released, resolve: release } = Promise.withResolvers<string>();
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    schema: createTestSchema(counts, released),
    createContext: () => ({}),
    checkDatabase: () => Promise.resolve(),
    example: toUnlisted("example-deployment"),
    log: pino({ level: "silent" }),
    ...overrides,
  });
  let closing: Promise<void> | null = null;
  const close = () => (closing ??= server.close());
  onTestFinished(close);
  return {
    ...server,
    close,
    counts,
    release: () => release("released"),
    graphqlUrl: `${server.url}/graphql`,
  };
}

/** A log whose lines are kept. */
export function keepLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return {
    log: pino({ level: "debug" }, { write: (line: string) => void lines.push(line) }),
    lines,
  };
}

/** The gateway's own schema, for what needs no resolver. */
export function createRealSchema(): GraphQLSchema {
  return createGatewaySchema(null);
}

function createTestSchema(
  counts: { open: number; waiting: number },
  released: Promise<string>,
): GraphQLSchema {
  const node: GraphQLObjectType = new GraphQLObjectType({
    name: "Node",
    fields: () => ({
      name: { type: GraphQLString },
      next: { type: node, resolve: () => ({ name: "node" }) },
    }),
  });
  return new GraphQLSchema({
    query: new GraphQLObjectType({
      name: "Query",
      fields: {
        echo: {
          type: GraphQLString,
          args: { text: { type: new GraphQLNonNull(GraphQLString) }, count: { type: GraphQLInt } },
          resolve: (_root, { text }: { text: string }) => text,
        },
        node: { type: node, resolve: () => ({ name: "node" }) },
        wait: {
          type: GraphQLString,
          resolve: () => {
            counts.waiting += 1;
            return released;
          },
        },
        fail: {
          type: GraphQLString,
          resolve: () => {
            throw new Error("the password is hunter2");
          },
        },
        refuse: {
          type: GraphQLString,
          resolve: () => {
            throw new GraphQLError("It is not there.", {
              originalError: new Error("cause"),
              extensions: { code: "NOT_FOUND" },
            });
          },
        },
      },
    }),
    mutation: new GraphQLObjectType({
      name: "Mutation",
      fields: { change: { type: GraphQLString, resolve: () => "changed" } },
    }),
    subscription: new GraphQLObjectType({
      name: "Subscription",
      fields: {
        ticks: {
          type: GraphQLInt,
          subscribe: () => tick(counts),
          resolve: (value: unknown) => value,
        },
        brokenTicks: {
          type: GraphQLInt,
          subscribe: () => {
            throw new Error("the password is hunter2");
          },
        },
      },
    }),
  });
}

/** Gives 1, and then nothing until it is closed. */
function tick(counts: { open: number }): AsyncIterableIterator<number> {
  const { promise, resolve } = Promise.withResolvers<IteratorResult<number>>();
  let isFirst = true;
  counts.open += 1;
  const ticks: AsyncIterableIterator<number> = {
    next() {
      if (!isFirst) return promise;
      isFirst = false;
      return Promise.resolve({ value: 1, done: false });
    },
    return() {
      counts.open -= 1;
      resolve({ value: undefined, done: true });
      return promise;
    },
    [Symbol.asyncIterator]: () => ticks,
  };
  return ticks;
}
