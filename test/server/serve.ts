import type { Logger } from "pino";
import { pino } from "pino";
import { onTestFinished } from "vitest";

import { AuthenticationError } from "../../src/auth/authenticator.ts";
import { createLocalAuthenticator } from "../../src/auth/create-authenticator.ts";
import { createSessions } from "../../src/auth/authenticator.ts";
import type { OwnerLimits } from "../../src/auth/viewer.ts";
import { SCOPES } from "../../src/auth/viewer.ts";
import { toUnlisted } from "../../src/deployments/catalogue.ts";
import { createChannels } from "../../src/diagnostics/channels.ts";
import { createMemoryBudget } from "../../src/runtime/memory-budget.ts";
import { startServer } from "../../src/server/start-server.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { NO_FILES } from "../support/no-files.ts";
import { NO_LIMITS } from "../support/viewers.ts";
import {
  GraphQLError,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
} from "graphql";

type Options = Parameters<typeof startServer>[0];

/** The limits that the gateway has unless it is told others. */
export const LIMITS: Options["limits"] = loadConfig({}).limits;

/** The HTTP access of a gateway without authentication. */
export const HTTP_ACCESS: Options["httpAccess"] = {
  isOpen: true,
  origins: [],
  admitsLoopback: false,
  hasIntrospection: true,
  hasGraphiql: true,
  hasConsole: false,
  trustedDocuments: null,
};

/**
 * A server of a small schema, closed when the test ends; `counts` tells how many `ticks` streams are open and how many
 * `wait` fields wait for `release`.
 */
export async function serve(overrides: Partial<Options> = {}) {
  const counts = { open: 0, waiting: 0 };
  const { promise: released, resolve: release } = Promise.withResolvers<string>();
  const sessions = createSessions({ log: pino({ level: "silent" }), pollMs: 50 });
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    schema: createTestSchema(counts, released),
    createContext: (operation) => operation,
    checkDatabase: () => Promise.resolve(),
    example: toUnlisted("example-deployment"),
    consoleFolder: "/nowhere",
    isSandbox: false,
    channels: createChannels(),
    authenticator: createLocalAuthenticator(NO_LIMITS),
    sessions,
    memory: createMemoryBudget({ mostBytes: loadConfig({}).limits.unreadBytes }),
    files: NO_FILES,
    httpAccess: HTTP_ACCESS,
    limits: LIMITS,
    log: pino({ level: "silent" }),
    ...overrides,
  });
  let closing: Promise<void> | null = null;
  const close = () => (closing ??= server.close().finally(() => sessions.close()));
  onTestFinished(close);
  return {
    ...server,
    close,
    counts,
    release: () => release("released"),
    graphqlUrl: `${server.url}/graphql`,
  };
}

/**
 * Lets in whoever sends `Bearer <name>` but `nobody` and `nowhere`, as the owner of that name; `revoke` ends a name, and
 * `limits` are each owner's.
 */
export function createNameAuthenticator(
  limits: Partial<OwnerLimits> = {},
): Options["authenticator"] & { revoke(name: string): void } {
  const revoked = new Set<string>();
  return {
    revoke: (name) => void revoked.add(name),
    async authenticate(authorization) {
      const ownerId = authorization?.replace("Bearer ", "");
      if (ownerId === undefined) throw new AuthenticationError("missing", "Send a name.");
      if (ownerId === "nowhere") throw new AuthenticationError("unavailable", "Try again later.");
      if (!authorization?.startsWith("Bearer ") || ownerId === "nobody" || revoked.has(ownerId))
        throw new AuthenticationError("invalid", `${"Unknown name. ".repeat(12)}Send another.`);
      return {
        viewer: { ownerId, scopes: new Set(SCOPES), limits: { ...NO_LIMITS, ...limits } },
        expiresAt: null,
        isRevoked: () => revoked.has(ownerId),
      };
    },
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
          resolve(
            _root,
            { text }: { text: string },
            { onEcho }: { onEcho?: (text: string) => void },
          ) {
            onEcho?.(text);
            return text;
          },
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
        slowTicks: {
          type: GraphQLInt,
          subscribe: async () => {
            counts.waiting += 1;
            await released;
            return tick(counts);
          },
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
  let isOpen = true;
  counts.open += 1;
  const ticks: AsyncIterableIterator<number> = {
    next() {
      if (!isFirst) return promise;
      isFirst = false;
      return Promise.resolve({ value: 1, done: false });
    },
    return() {
      if (isOpen) counts.open -= 1;
      isOpen = false;
      resolve({ value: undefined, done: true });
      return promise;
    },
    [Symbol.asyncIterator]: () => ticks,
  };
  return ticks;
}
