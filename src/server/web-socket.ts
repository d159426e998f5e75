import type { Server } from "node:http";

import { GraphQLError } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import type { Logger } from "pino";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";

import type { GraphqlHandler } from "./create-graphql.ts";
import type { createMaskError } from "./mask-error.ts";
import { toFormattedError, withCode } from "./mask-error.ts";

const KEEP_ALIVE_MS = 12_000;
const MOST_OPERATIONS = 500;
const LARGEST_UNREAD_BYTES = 16 * 1024 * 1024;
const CLOSE_PATIENCE_MS = 2_000;

/**
 * Serves graphql-transport-ws at `path` of a server that listens already. `close` tells every socket to come back
 * later (1001), and cuts those that don't answer within 2 s.
 */
export function serveWebSocket(options: {
  readonly server: Server;
  readonly path: string;
  readonly largestMessageBytes: number;
  readonly graphql: GraphqlHandler;
  readonly maskError: ReturnType<typeof createMaskError>;
  readonly log: Logger;
}): { close(): Promise<void> } {
  const { server, path, largestMessageBytes, graphql, maskError, log } = options;
  const sockets = new WebSocketServer({ server, path, maxPayload: largestMessageBytes });
  sockets.on("connection", closeWhenUnread);
  const { execute, subscribe } = graphql.getEnveloped();
  const service = useServer(
    {
      execute,
      subscribe,
      // Errors are returned: one that is thrown here closes the socket, with all its other operations.
      async onSubscribe({ subscriptions }, _id, { query, variables, operationName }) {
        if (Object.keys(subscriptions).length > MOST_OPERATIONS) return [tooManyOperations()];
        const { schema, parse, validate, contextFactory } = graphql.getEnveloped({
          params: { query, variables, operationName },
        });
        const document = attempt(() => parse(query));
        if (document instanceof Error) return [withCode(maskParseError(document), "BAD_REQUEST")];
        const invalid = attempt(() => validate(schema, document));
        if (invalid instanceof Error) return [maskError(invalid)];
        if (invalid.length > 0) return [...invalid];
        try {
          return {
            schema,
            document,
            operationName: operationName ?? null,
            variableValues: variables ?? null,
            contextValue: await contextFactory(),
          };
        } catch (error) {
          return [maskError(error)];
        }
      },
      onNext(_socket, _id, _payload, _operation, result) {
        const { errors, data = null, extensions } = result;
        if (errors === undefined) return undefined;
        const formatted = { errors: errors.map(toFormattedError), data };
        return extensions === undefined ? formatted : { ...formatted, extensions };
      },
      onError: (_socket, _id, _payload, errors) => errors.map(toFormattedError),
    },
    sockets,
    KEEP_ALIVE_MS,
  );
  sockets.on("connection", (socket) => {
    // The library prints each of these with its stack, though any client can cause them; ws closes the socket itself.
    socket.removeAllListeners("error");
    socket.on("error", (error) => log.debug({ reason: error.message }, "A WebSocket failed."));
  });

  function maskParseError(error: Error): GraphQLError {
    if (!(error instanceof GraphQLError)) return maskError(error);
    return withCode(error, "GRAPHQL_PARSE_FAILED");
  }

  return {
    async close() {
      const impatience = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, CLOSE_PATIENCE_MS);
      try {
        await service.dispose();
      } finally {
        clearTimeout(impatience);
      }
    },
  };
}

/** A client that asks and never reads the answers would otherwise fill the memory with them. */
function closeWhenUnread(socket: WebSocket): void {
  socket.on("message", () => {
    if (socket.bufferedAmount > LARGEST_UNREAD_BYTES) socket.terminate();
  });
}

function tooManyOperations(): GraphQLError {
  return new GraphQLError(
    `This socket already runs ${MOST_OPERATIONS} operations. End one, or open another socket.`,
    { extensions: { code: "TOO_MANY_OPERATIONS" } },
  );
}

function attempt<T>(act: () => T): T | Error {
  try {
    return act();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
