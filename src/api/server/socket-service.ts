import { GraphQLError } from "graphql";
import type { Server, SubscribePayload } from "graphql-ws";
import { CloseCode, makeServer } from "graphql-ws";

import { AuthenticationError } from "../../auth/authenticator.ts";
import type { SessionEnd } from "../../auth/authenticator.ts";
import { toFormattedError } from "../operations/mask-error.ts";
import { fillInQuery } from "../operations/trusted-documents.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { Stream } from "../../runtime/stream.ts";
import { type SocketSession, TRY_AGAIN_LATER } from "./socket-session.ts";
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
      session.admission = admission;
      return true;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      session.close(...toClosing(error));
      return false;
    }
  }

  /** What it takes to run an operation, which ends with `endOperation`; throws why it is not run. */
  function begin(session: SocketSession, id: string, payload: SubscribePayload) {
    const { admission } = session;
    // Sessions are checked twice a second, and nothing may begin in between.
    const reason = admission && sessions.findEnd(admission);
    if (reason !== null) endSession(session, reason);
    // Once the client calls an operation complete, graphql-ws takes its id for free, and would mix up the two.
    if (session.operations.has(id))
      session.close(TRY_AGAIN_LATER, `The operation ${id} still ends. Give each its own id.`);
    if (admission === null || session.isClosed) return [new GraphQLError("Connect again.")];
    if (session.operations.size >= mostOperations) {
      parts.channels.refused.publish("operationsPerSocket");
      const message = `This socket already runs ${mostOperations} operations. End one, or open another socket.`;
      throw new CodedError("TOO_MANY_OPERATIONS", message);
    }
    const { viewer } = admission;
    parts.rates.take(viewer);
    const ends: (() => void)[] = [];
    session.operations.set(id, ends);
    const whenOver = (end: () => void): void => {
      if (session.operations.get(id) === ends) ends.push(end);
      else end();
    };
    const traceparent = payload.extensions?.["traceparent"];
    const prepared = operations.prepare(payload, { viewer, whenOver, traceparent });
    if (!("document" in prepared)) session.endOperation(id);
    return prepared;
  }

  return makeServer<Record<string, unknown>, SocketSession>({
    execute: operations.execute,
    subscribe: operations.subscribe,
    connectionInitWaitTimeout: initSeconds * 1_000,
    // Without a query graphql-ws would close the socket.
    jsonMessageReviver: parts.httpAccess.trustedDocuments === null ? undefined : fillInQuery,
    onConnect: ({ connectionParams, extra: session }) => enter(session, connectionParams ?? {}),
    // Errors are returned: a thrown one would close the socket, with all its other operations.
    onSubscribe({ extra: session }, id, payload) {
      try {
        return begin(session, id, payload);
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

/**
 * Sends each result as it comes, as text that is made once for all sockets that get it; graphql-ws sees only the end. The
 * next one is asked for when the client has read enough.
 */
function sendEach(session: SocketSession, id: string, events: Stream<Result>) {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  return events.map<never>((result) => {
    const text = texts.get(result) ?? JSON.stringify(toPayload(result));
    texts.set(result, text);
    return session.send(`${head}${text}}`);
  });
}

const texts = new WeakMap<Result, string>();

type Result = { readonly errors?: readonly GraphQLError[] | undefined };

function toPayload({ errors, ...rest }: Result) {
  return errors === undefined ? rest : { ...rest, errors: errors.map(toFormattedError) };
}

/** The stock client gives up at 4401, comes back at once with a new credential at 4403, and later at 1013. */
function toClosing(error: CodedError): readonly [code: number, reason: string] {
  const { code, message } = error;
  // HTTP's words for a missing credential are too long for a close frame, and speak of a header.
  if (error instanceof AuthenticationError && error.reason === "missing")
    return [
      CloseCode.Unauthorized,
      'No credential came. Send connectionParams { authorization: "Bearer …" }.',
    ];
  return [code === "UNAUTHENTICATED" ? CloseCode.Forbidden : TRY_AGAIN_LATER, message];
}

/** Its name comes in any case, as in headers, and anything but a text is a credential that can't be read. */
function findAuthorization(parameters: object): string | undefined {
  const named = Object.entries(parameters).find(([name]) => /^authorization$/i.test(name))?.[1];
  return typeof named === "string" ? named : named == null ? undefined : "?";
}

function endSession(session: SocketSession, reason: SessionEnd): void {
  session.close(CloseCode.Forbidden, SESSION_ENDS[reason]);
}

const SESSION_ENDS: Readonly<Record<SessionEnd, string>> = {
  expired: "The credential has expired. Connect again with a new one.",
  revoked: "The credential is no longer accepted. Connect again with another one.",
};
