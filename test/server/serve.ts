import type { GraphQLSchema } from "graphql";
import { GraphQLError } from "graphql";
import { createSchema } from "graphql-yoga";
import type { Logger } from "pino";
import { pino } from "pino";
import { onTestFinished } from "vitest";

import { AuthenticationError } from "../../src/auth/authenticator.ts";
import { createLocalAuthenticator } from "../../src/auth/create-authenticator.ts";
import { createSessions } from "../../src/auth/authenticator.ts";
import type { OwnerLimits } from "../../src/auth/viewer.ts";
import { toUnlisted } from "../../src/engine/deployments/catalogue.ts";
import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import { ByteLimit, TOO_MUCH_SENT, TOO_MUCH_UNREAD } from "../../src/runtime/byte-limit.ts";
import { OVER, Stream } from "../../src/runtime/stream.ts";
import { startServer } from "../../src/api/server/start-server.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { NO_FILES } from "../support/no-files.ts";
import { createViewer, NO_LIMITS } from "../support/viewers.ts";
import { ALL_SCOPES } from "../support/parts.ts";

type Options = Parameters<typeof startServer>[0];

/** The gateway's default limits. */
export const LIMITS: Options["limits"] = loadConfig({}).limits;

/** The HTTP access of a gateway without authentication. */
export const HTTP_ACCESS: Options["httpAccess"] = {
  isOpen: true,
  origins: [],
  admitsLoopback: false,
  hasIntrospection: true,
  hasGraphiql: true,
  trustedDocuments: null,
};

/**
 * A server of a small schema, closed when the test ends; `counts` says how many `ticks` streams are open and how many
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
    database: { ping: () => Promise.resolve() },
    example: toUnlisted("example-deployment"),
    channels: createChannels(),
    authenticator: createLocalAuthenticator(NO_LIMITS, ALL_SCOPES),
    sessions,
    signIns: null,
    memory: createMemory(),
    files: NO_FILES,
    upstreamWebhooks: { take: () => undefined },
    httpAccess: HTTP_ACCESS,
    answers: [],
    pages: [],
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

/** Room for this much of each. */
export function createMemory(mostBytes = 536_870_912): Options["memory"] {
  return {
    bodies: new ByteLimit(TOO_MUCH_SENT, mostBytes),
    answers: new ByteLimit(TOO_MUCH_UNREAD, mostBytes),
  };
}

/** POSTs an operation, or a body as it is. */
export function post(
  url: string,
  body: string | object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/**
 * Lets in requests with `Bearer <name>`, except `nobody` and `nowhere`, as the owner of that name; `revoke` ends a name, and
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
        viewer: createViewer({ ownerId, limits }),
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

const TYPES = `
  type Query { echo(text: String!, count: Int): String node: Node wait: String fail: String refuse: String }
  type Node { name: String next: Node }
  type Mutation { change: String }
  type Subscription { ticks: Int slowTicks: Int brokenTicks: Int }
`;

function createTestSchema(
  counts: { open: number; waiting: number },
  released: Promise<string>,
): GraphQLSchema {
  const node = () => ({ name: "node" });
  const resolve = (value: unknown) => value;
  const fail = () => {
    throw new Error("the password is hunter2");
  };
  const wait = () => {
    counts.waiting += 1;
    return released;
  };
  return createSchema({
    typeDefs: TYPES,
    resolvers: {
      Query: {
        echo(_root, { text }: { text: string }, { onEcho }: { onEcho?: (text: string) => void }) {
          onEcho?.(text);
          return text;
        },
        node,
        wait,
        fail,
        refuse: () => {
          throw new GraphQLError("It is not there.", {
            originalError: new Error("cause"),
            extensions: { code: "NOT_FOUND" },
          });
        },
      },
      Node: { next: node },
      Mutation: { change: () => "changed" },
      Subscription: {
        ticks: { subscribe: () => tick(counts), resolve },
        slowTicks: { subscribe: () => wait().then(() => tick(counts)), resolve },
        brokenTicks: { subscribe: fail, resolve },
      },
    },
  });
}

/** Gives 1, and then nothing until it is left. */
function tick(counts: { open: number }): Stream<number> {
  const values = [1];
  const { promise, resolve } = Promise.withResolvers<typeof OVER>();
  counts.open += 1;
  return new Stream(
    async () => {
      const value = values.pop();
      return value === undefined ? await promise : { value, done: false };
    },
    () => {
      counts.open -= 1;
      resolve(OVER);
    },
  );
}
