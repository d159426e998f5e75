import { getOperationAST, GraphQLError } from "graphql";
import type { Server, SubscribePayload } from "graphql-ws";
import { makeServer } from "graphql-ws";

import type { Admission, Authenticator } from "../auth/authenticator.ts";
import type { SessionEnd, Sessions } from "../auth/sessions.ts";
import type { Viewer } from "../auth/viewer.ts";
import { LimitError } from "../job/errors.ts";
import type { Backlog, BacklogShare } from "../schema/backlog.ts";
import { overLimit } from "../schema/coded-errors.ts";
import type { SocketEnd } from "./admit.ts";
import { admitSocket } from "./admit.ts";
import { TRY_AGAIN_LATER } from "./close-codes.ts";
import type { GraphqlHandler } from "./create-graphql.ts";
import type { createMaskError } from "./mask-error.ts";
import { toFormattedError, withCode } from "./mask-error.ts";
import type { Places } from "./places.ts";
import type { RequestRates } from "./request-rates.ts";
import type { SocketSession } from "./serve-socket.ts";
import type { TrustedDocuments } from "./documents/trusted-documents.ts";

/** Makes what is done on sockets: who comes in, and the same operations as over HTTP. */
export function createSocketService(options: {
  readonly initSeconds: number;
  readonly mostOperations: number;
  readonly authenticate: Authenticator["authenticate"];
  readonly sessions: Sessions;
  readonly socketPlaces: Places;
  readonly rates: RequestRates;
  readonly backlog: Backlog;
  readonly trustedDocuments: TrustedDocuments | null;
  readonly graphql: GraphqlHandler;
  readonly maskError: ReturnType<typeof createMaskError>;
}): Server<SocketSession> {
  const { graphql, maskError, mostOperations, sessions, socketPlaces, trustedDocuments } = options;
  // What it runs has a context of its own by then.
  const { execute, subscribe } = graphql.getEnveloped();

  /** Null when the socket is in, with all that it takes. */
  function enter(session: SocketSession, admission: Admission): SocketEnd | null {
    try {
      session.leave.push(socketPlaces.take(admission.viewer));
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      return { code: TRY_AGAIN_LATER, reason: error.message };
    }
    session.leave.push(sessions.enter(admission, (reason) => endSession(session, reason)));
    session.admit(admission);
    return null;
  }

  /** The sessions are looked at twice a second, and in between nothing more may be done. */
  function isOver(session: SocketSession, admission: Admission): boolean {
    const reason = sessions.findEnd(admission);
    if (reason !== null) endSession(session, reason);
    return session.isClosed();
  }

  /** Closed when the operation is over, or the socket has closed. */
  function openShare(session: SocketSession, { ownerId }: Viewer, payload: object): BacklogShare {
    const cut = (): void => session.close(TRY_AGAIN_LATER, "Too much waits for you. Read on.");
    const share = options.backlog.open(ownerId, cut);
    if (session.isClosed()) share.close();
    else session.ends.set(payload, share.close);
    return share;
  }

  async function prepare(viewer: Viewer, payload: SubscribePayload, share: BacklogShare) {
    const limit = await options.rates.take(viewer);
    if (limit !== null) return [overLimit(limit)];
    const { variables, operationName } = payload;
    const query = trustedDocuments?.find(payload) ?? payload.query;
    if (query instanceof GraphQLError) return [query];
    const { schema, parse, validate, contextFactory } = graphql.getEnveloped({
      params: { query, variables, operationName },
      viewer,
      share,
    });
    const document = attempt(() => parse(query));
    if (document instanceof Error) return [withCode(maskParseError(document), "BAD_REQUEST")];
    const invalid = attempt(() => validate(schema, document));
    if (invalid instanceof Error) return [maskError(invalid)];
    if (invalid.length > 0) return invalid.map(maskError);
    if (!getOperationAST(document, operationName)) return [unknownOperation()];
    return {
      schema,
      document,
      operationName: operationName ?? null,
      variableValues: variables ?? null,
      contextValue: await contextFactory(),
    };
  }

  function maskParseError(error: Error): GraphQLError {
    if (!(error instanceof GraphQLError)) return maskError(error);
    return withCode(error, "GRAPHQL_PARSE_FAILED");
  }

  return makeServer<Record<string, unknown>, SocketSession>({
    execute,
    subscribe,
    connectionInitWaitTimeout: options.initSeconds * 1_000,
    async onConnect({ connectionParams, extra: session }) {
      const admitted = await admitSocket(options.authenticate, connectionParams ?? {});
      if (session.isClosed()) return false;
      const end = "viewer" in admitted ? enter(session, admitted) : admitted;
      if (end === null) return true;
      session.close(end.code, end.reason);
      return false;
    },
    // Errors are returned: one that is thrown here closes the socket, with all its other operations.
    async onSubscribe({ extra: session, subscriptions }, _id, payload) {
      const { admission, pendingCount } = session;
      // What a client says is complete may still run, so that is bounded too.
      const isFull =
        Object.keys(subscriptions).length > mostOperations || pendingCount > 2 * mostOperations;
      if (isFull) return [tooManyOperations(mostOperations)];
      try {
        if (admission === null) return [maskError(new Error("Nobody was let in."))];
        if (isOver(session, admission)) return [tooLate()];
        const { viewer } = admission;
        return await prepare(viewer, payload, openShare(session, viewer, payload));
      } catch (error) {
        return [maskError(error)];
      }
    },
    // What ends in no other way has thrown, and its socket closes.
    onComplete({ extra: session }, _id, payload) {
      session.ends.get(payload)?.();
      session.ends.delete(payload);
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
}

const SESSION_ENDS: Readonly<Record<SessionEnd, string>> = {
  expired: "The credential has run out. Connect again with a new one.",
  revoked: "The credential is no longer accepted. Connect again with another one.",
};

function endSession(session: SocketSession, reason: SessionEnd): void {
  session.close(4403, SESSION_ENDS[reason]);
}

/** No client hears it any more. */
function tooLate(): GraphQLError {
  return new GraphQLError("The socket is closed. Connect again.");
}

function unknownOperation(): GraphQLError {
  return new GraphQLError(
    "Could not determine what operation to execute. Set operationName to one that the document has.",
    { extensions: { code: "OPERATION_RESOLUTION_FAILURE" } },
  );
}

function tooManyOperations(most: number): GraphQLError {
  return new GraphQLError(
    `This socket already runs ${most} operations. End one, or open another socket.`,
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
