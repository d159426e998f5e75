import type { ExecutionArgs } from "graphql";
import { getOperationAST, GraphQLError, parse } from "graphql";
import type { Server, SubscribePayload } from "graphql-ws";
import { makeServer } from "graphql-ws";

import type { Admission } from "../auth/authenticator.ts";
import { AuthenticationError } from "../auth/authenticator.ts";
import type { SessionEnd } from "../auth/sessions.ts";
import type { Viewer } from "../auth/viewer.ts";
import type { OperationOrigin } from "../operations/create-operations.ts";
import { toFormattedError } from "../operations/mask-error.ts";
import { fillInQuery } from "../operations/trusted-documents.ts";
import { CodedError } from "../runtime/coded-error.ts";
import type { Reservation } from "../runtime/memory-budget.ts";
import { Stream } from "../runtime/stream.ts";
import type { SocketOperation, SocketSession } from "./serve-socket.ts";
import { TRY_AGAIN_LATER } from "./serve-socket.ts";
import type { ServerParts } from "./server-parts.ts";

/** Makes what sockets do: let clients in, and run the same operations as over HTTP. */
export function createSocketService(parts: ServerParts): Server<SocketSession> {
  const { operations, maskError, sessions } = parts;
  const { trustedDocuments } = parts.httpAccess;
  const { initSeconds, operationsPerSocket: mostOperations } = parts.limits.webSocket;

  /** Lets the client in, with all that a socket takes, or closes the socket. */
  async function enter(session: SocketSession, parameters: object): Promise<boolean> {
    try {
      const admission = await parts.authenticator.authenticate(findAuthorization(parameters));
      if (session.isClosed()) return false;
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
    return session.isClosed();
  }

  function begin(
    session: SocketSession,
    id: string,
    { viewer }: Admission,
    payload: SubscribePayload,
  ): SocketOrigin {
    const cut = (): void => session.close(TRY_AGAIN_LATER, "Too much waits for you. Read on.");
    const traceparent = payload.extensions?.["traceparent"];
    const open = (): Reservation => parts.memory.open(viewer.ownerId, cut);
    const origin = new SocketOrigin(viewer, traceparent, open);
    session.operations.set(id, origin);
    return origin;
  }

  const stubbed = new WeakMap<ExecutionArgs, Prepared>();

  /** What graphql-ws gets for these: it keeps a document as long as its stream is open, and asks only for its kind. */
  function toStub(prepared: Prepared): ExecutionArgs {
    const { args } = prepared;
    const kind = getOperationAST(args.document, args.operationName)?.operation ?? "query";
    const stub = { schema: args.schema, document: STUBS[kind] };
    stubbed.set(stub, prepared);
    return stub;
  }

  /** Runs it in its owner's slot, an answer when the client has read those before; not once the client has left. */
  async function run<Result>(
    stub: ExecutionArgs,
    begin: (args: ExecutionArgs) => Result,
    isAnswer: boolean,
  ): Promise<Awaited<Result> | { readonly errors: readonly GraphQLError[] }> {
    const prepared = stubbed.get(stub);
    stubbed.delete(stub);
    if (prepared === undefined) throw new Error("Nothing was prepared.");
    const { args, session, ownerId } = prepared;
    for (;;) {
      const ran = await operations.begin(ownerId, async (release) => {
        if (session.isClosed()) return { result: { errors: [new GraphQLError(TOO_LATE)] } };
        if (isAnswer && session.isBehind()) return null;
        const running = begin(args);
        release();
        return { result: await running };
      });
      if (ran !== null) return ran.result;
      await session.whenRead();
    }
  }

  return makeServer<Record<string, unknown>, SocketSession>({
    execute: (stub) => run(stub, operations.execute, true),
    subscribe: (stub) => run(stub, operations.subscribe, false),
    connectionInitWaitTimeout: initSeconds * 1_000,
    // Without a query graphql-ws would close the socket.
    jsonMessageReviver: trustedDocuments === null ? undefined : fillInQuery,
    onConnect: ({ connectionParams, extra: session }) => enter(session, connectionParams ?? {}),
    // Errors are returned: a thrown one would close the socket, with all its other operations.
    async onSubscribe({ extra: session, subscriptions }, id, payload) {
      const { admission, pendingCount } = session;
      // Once the client calls an operation complete, graphql-ws takes its id for free, and would mix up the two.
      if (session.operations.has(id)) {
        session.close(TRY_AGAIN_LATER, `The operation ${id} still ends. Give each its own id.`);
        return [new GraphQLError(TOO_LATE)];
      }
      // What the client calls complete may still run, so that is bounded too.
      const isFull =
        Object.keys(subscriptions).length > mostOperations || pendingCount > 2 * mostOperations;
      if (isFull) {
        parts.channels.refused.publish("operationsPerSocket");
        const message = `This socket already runs ${mostOperations} operations. End one, or open another socket.`;
        return [maskError(new CodedError("TOO_MANY_OPERATIONS", message))];
      }
      try {
        if (admission === null) return [maskError(new Error("Not authenticated."))];
        if (isOver(session, admission)) return [new GraphQLError(TOO_LATE)];
        const origin = begin(session, id, admission, payload);
        parts.rates.take(admission.viewer);
        const prepared = await operations.prepare(payload, origin);
        // graphql-ws keeps what came as long as its operation runs.
        Object.assign(payload, { query: "", variables: null, extensions: null });
        const { ownerId } = admission.viewer;
        if ("document" in prepared) return toStub({ args: prepared, session, ownerId });
        endOperation(session, id);
        return prepared;
      } catch (error) {
        endOperation(session, id);
        return [maskError(error)];
      }
    },
    onOperation({ extra: session }, id, _payload, _args, result) {
      if (!(result instanceof Stream)) return undefined;
      session.operations.get(id)?.onStream(() => result.end());
      return sendEach(session, id, result);
    },
    // Not called for what was refused; what throws closes its socket.
    onComplete: ({ extra: session }, id) => endOperation(session, id),
    onNext: (_socket, _id, _payload, _operation, result) => toPayload(result),
    onError: (_socket, _id, _payload, errors) => errors.map(toFormattedError),
  });
}

/** What it takes to run an operation. */
type Prepared = {
  readonly args: ExecutionArgs;
  readonly session: SocketSession;
  readonly ownerId: string;
};

/** With a share that is opened when it is needed, and closes when the operation is over or the socket has closed. */
class SocketOrigin implements OperationOrigin, SocketOperation {
  readonly viewer: Viewer;
  readonly traceparent: unknown;
  readonly #open: () => Reservation;
  #share: Reservation | undefined;
  #isOver = false;
  #endStream = (): void => undefined;

  constructor(viewer: Viewer, traceparent: unknown, open: () => Reservation) {
    this.viewer = viewer;
    this.traceparent = traceparent;
    this.#open = open;
  }

  get share(): Reservation {
    this.#share ??= this.#open();
    if (this.#isOver) this.#share.close();
    return this.#share;
  }

  onStream(end: () => void): void {
    if (this.#isOver) end();
    else this.#endStream = end;
  }

  close(): void {
    this.#isOver = true;
    this.#share?.close();
  }

  end(): void {
    this.close();
    this.#endStream();
  }
}

type Result = {
  readonly errors?: readonly GraphQLError[] | undefined;
  readonly data?: Record<string, unknown> | null | undefined;
  readonly extensions?: Record<string, unknown> | undefined;
};

/**
 * Sends each result as it comes, as text that is made once for all sockets that get it, and tells graphql-ws of the end
 * alone.
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

/** Of each kind of operation. */
const STUBS = {
  query: parse("{ __typename }"),
  mutation: parse("mutation { __typename }"),
  subscription: parse("subscription { __typename }"),
};

/** No client hears this. */
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
  // In any case, as in headers: GraphiQL hands on as parameters what was typed as headers.
  const named = Object.entries(parameters).find(([name]) => /^authorization$/i.test(name))?.[1];
  if (named === undefined || named === null) return undefined;
  // Anything but a text is a credential that can't be read.
  return typeof named === "string" ? named : "?";
}

const SESSION_ENDS: Readonly<Record<SessionEnd, string>> = {
  expired: "The credential has expired. Connect again with a new one.",
  revoked: "The credential is no longer accepted. Connect again with another one.",
};

function endOperation({ operations }: SocketSession, id: string): void {
  operations.get(id)?.close();
  operations.delete(id);
}

function endSession(session: SocketSession, reason: SessionEnd): void {
  session.close(4403, SESSION_ENDS[reason]);
}
