import { once } from "node:events";
import type { Server } from "node:http";

import { getOperationAST, GraphQLError } from "graphql";
import { handleProtocols, makeServer } from "graphql-ws";
import type { Logger } from "pino";
import { WebSocketServer } from "ws";

import type { GraphqlHandler } from "./create-graphql.ts";
import type { createMaskError } from "./mask-error.ts";
import { toFormattedError, withCode } from "./mask-error.ts";
import { serveSocket } from "./serve-socket.ts";

const MOST_OPERATIONS = 500;
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
  const sockets = new WebSocketServer({
    server,
    path,
    maxPayload: largestMessageBytes,
    handleProtocols,
  });
  const { execute, subscribe } = graphql.getEnveloped();
  const service = makeServer({
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
      if (!getOperationAST(document, operationName)) return [unknownOperation()];
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
      const { errors, data, extensions } = result;
      if (errors === undefined) return undefined;
      return {
        errors: errors.map(toFormattedError),
        ...(data !== undefined && { data }),
        ...(extensions !== undefined && { extensions }),
      };
    },
    onError: (_socket, _id, _payload, errors) => errors.map(toFormattedError),
  });
  sockets.on("connection", (socket) => serveSocket(service, socket, log));
  sockets.on("error", (error) => log.error({ err: error }, "The server's socket failed."));

  function maskParseError(error: Error): GraphQLError {
    if (!(error instanceof GraphQLError)) return maskError(error);
    return withCode(error, "GRAPHQL_PARSE_FAILED");
  }

  return {
    async close() {
      const closed = once(sockets, "close");
      sockets.close();
      for (const socket of sockets.clients) socket.close(1001, "Going away");
      const impatience = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, CLOSE_PATIENCE_MS);
      try {
        await closed;
      } finally {
        clearTimeout(impatience);
      }
    },
  };
}

function unknownOperation(): GraphQLError {
  return new GraphQLError(
    "Could not determine what operation to execute. Set operationName to one that the document has.",
    { extensions: { code: "OPERATION_RESOLUTION_FAILURE" } },
  );
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
