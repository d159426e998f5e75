import type { ExecutionArgs } from "graphql";
import { getOperationAST, GraphQLError, OperationTypeNode, parse } from "graphql";
import type { Server } from "graphql-ws";
import { makeServer } from "graphql-ws";

import type { Admission } from "../../auth/authenticator.ts";
import { AuthenticationError } from "../../auth/authenticator.ts";
import type { SessionEnd } from "../../auth/authenticator.ts";
import { toFormattedError } from "../operations/mask-error.ts";
import { fillInQuery } from "../operations/trusted-documents.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { Stream } from "../../runtime/stream.ts";
import { SocketOperation, SocketSession, TRY_AGAIN_LATER } from "./socket-session.ts";
import type { ServerParts } from "./server-parts.ts";

/** Makes what sockets do: let clients in, and run the same operations as over HTTP. */
export function createSocketService(parts: ServerParts): Server<SocketSession> {
  const { operations, maskError, sessions } = parts;
  const { initSeconds, operationsPerSocket: mostOperations } = parts.limits.webSocket;

  /** Lets the client in, with all that a socket takes, or closes the socket. */
  async function enter(session: SocketSession, parameters: object): Promise<boolean> {
    try {
      const authorization = findAuthorization(parameters);
      const admission = await parts.credentials.admit(authorization, session.cookie);
      if (session.isClosed) return false;
      session.leave.push(parts.socketSlots.take(admission.viewer));
      session.leave.push(sessions.enter(admission, (reason) => endSession(session, reason)));
      session.admit(admission);
      return true;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      session.close(...toClosing(error));
      return false;
    }
  }

  /** Sessions are checked twice a second, and nothing may begin in between. */
  function isOver(session: SocketSession, admission: Admission): boolean {
    const reason = sessions.findEnd(admission);
    if (reason !== null) endSession(session, reason);
    return session.isClosed;
  }

  /** Runs it, an answer when the client has read those before; not once the client has left. */
  async function run<Result>(
    { contextValue: operation }: ExecutionArgs,
    begin: (args: ExecutionArgs) => Result,
    isAnswer: boolean,
  ): Promise<Awaited<Result> | { readonly errors: readonly GraphQLError[] }> {
    if (!(operation instanceof SocketOperation)) throw new Error("Nothing was prepared.");
    const { session, args } = operation;
    operation.args = null;
    if (isAnswer) while (session.isBehind) await session.whenRead();
    if (session.isClosed || args === null) return { errors: [new GraphQLError(TOO_LATE)] };
    return await begin(args);
  }

  return makeServer<Record<string, unknown>, SocketSession>({
    execute: (stub) => run(stub, operations.execute, true),
    subscribe: (stub) => run(stub, operations.subscribe, false),
    connectionInitWaitTimeout: initSeconds * 1_000,
    // Without a query graphql-ws would close the socket.
    jsonMessageReviver: parts.httpAccess.trustedDocuments === null ? undefined : fillInQuery,
    onConnect: ({ connectionParams, extra: session }) => enter(session, connectionParams ?? {}),
    // Errors are returned: a thrown one would close the socket, with all its other operations.
    async onSubscribe({ extra: session, subscriptions }, id, payload) {
      const { admission } = session;
      // Once the client calls an operation complete, graphql-ws takes its id for free, and would mix up the two.
      if (session.operations.has(id)) {
        session.close(TRY_AGAIN_LATER, `The operation ${id} still ends. Give each its own id.`);
        return [new GraphQLError(TOO_LATE)];
      }
      // What the client calls complete may still run, so that is bounded too.
      const isFull =
        Object.keys(subscriptions).length > mostOperations ||
        session.operations.size >= 2 * mostOperations;
      if (isFull) {
        parts.channels.refused.publish("operationsPerSocket");
        const message = `This socket already runs ${mostOperations} operations. End one, or open another socket.`;
        return [maskError(new CodedError("TOO_MANY_OPERATIONS", message))];
      }
      try {
        if (admission === null) return [maskError(new Error("Not authenticated."))];
        if (isOver(session, admission)) return [new GraphQLError(TOO_LATE)];
        const operation = session.begin(id, admission, payload.extensions?.["traceparent"]);
        parts.rates.take(admission.viewer);
        const prepared = operations.prepare(payload, operation);
        // graphql-ws keeps what came as long as its operation runs.
        Object.assign(payload, { query: "", variables: null, extensions: null });
        if ("document" in prepared) return toStub(operation, prepared);
        session.endOperation(id);
        return prepared;
      } catch (error) {
        session.endOperation(id);
        return [maskError(error)];
      }
    },
    onOperation: ({ extra: session }, id, _payload, _args, result) =>
      result instanceof Stream ? sendEach(session, id, result) : undefined,
    // Not called for what was refused; what throws closes its socket.
    onComplete: ({ extra: session }, id) => session.endOperation(id),
    onNext: (_socket, _id, _payload, _operation, result) => toPayload(result),
    onError: (_socket, _id, _payload, errors) => errors.map(toFormattedError),
  });
}

/** What graphql-ws gets for an operation: it keeps a document as long as its stream is open, and asks only for its kind. */
function toStub(operation: SocketOperation, args: ExecutionArgs): ExecutionArgs {
  operation.args = args;
  const isSubscription =
    getOperationAST(args.document, args.operationName)?.operation ===
    OperationTypeNode.SUBSCRIPTION;
  const document = isSubscription ? SUBSCRIPTION : QUERY;
  return { schema: args.schema, document, contextValue: operation };
}

const QUERY = parse("{ __typename }");
const SUBSCRIPTION = parse("subscription { __typename }");

type Result = {
  readonly errors?: readonly GraphQLError[] | undefined;
  readonly data?: Record<string, unknown> | null | undefined;
  readonly extensions?: Record<string, unknown> | undefined;
};

/**
 * Sends each result as it comes, as text that is made once for all sockets that get it. graphql-ws sees only the end. The
 * next result is asked for when the client is not behind.
 */
function sendEach(session: SocketSession, id: string, events: Stream<Result>): Stream<never> {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  return events.map<never>((result) => session.send(`${head}${toText(result)}}`));
}

const texts = new WeakMap<Result, string>();

function toText(result: Result): string {
  const text = texts.get(result) ?? JSON.stringify(toPayload(result));
  texts.set(result, text);
  return text;
}

function toPayload({ errors, data, extensions }: Result) {
  return {
    ...(errors !== undefined && { errors: errors.map(toFormattedError) }),
    ...(data !== undefined && { data }),
    ...(extensions !== undefined && { extensions }),
  };
}

/** No client gets this. */
const TOO_LATE = "The socket is closed. Connect again.";

/** The stock client gives up at 4401, comes back at once with a new credential at 4403, and later at 1013. */
function toClosing(error: CodedError): readonly [code: number, reason: string] {
  const { code, message } = error;
  // HTTP's words for a missing credential are too long for a close frame, and speak of a header.
  if (error instanceof AuthenticationError && error.reason === "missing")
    return [4401, 'No credential came. Send connectionParams { authorization: "Bearer …" }.'];
  return [code === "UNAUTHENTICATED" ? 4403 : TRY_AGAIN_LATER, message];
}

function findAuthorization(parameters: object): string | undefined {
  // In any case, as in headers.
  const named = Object.entries(parameters).find(([name]) => /^authorization$/i.test(name))?.[1];
  if (named === undefined || named === null) return undefined;
  // Anything but a text is a credential that can't be read.
  return typeof named === "string" ? named : "?";
}

function endSession(session: SocketSession, reason: SessionEnd): void {
  session.close(4403, SESSION_ENDS[reason]);
}

const SESSION_ENDS: Readonly<Record<SessionEnd, string>> = {
  expired: "The credential has expired. Connect again with a new one.",
  revoked: "The credential is no longer accepted. Connect again with another one.",
};
