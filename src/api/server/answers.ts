import type { IncomingMessage, ServerResponse } from "node:http";

import type { Viewer } from "../../auth/viewer.ts";
import type { FileReaders } from "./file-readers.ts";

/** What a part answers at paths of its own. A POST to `/graphql` never asks for them. */
export type Answers = {
  /** Answers at `/NAME/ID`, by the part's name, where a signature of `files.urls` stands for a credential. */
  answerSigned?(exchange: Exchange, id: string): Promise<void>;
  /** Answers; returns false, having done nothing, for others' requests. Throws a `CodedError` for what it refuses. */
  answer?(exchange: Exchange): Promise<boolean>;
};

/** A request whose headers and Host have been checked, and what the server has for its answer. */
export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without parameters. */
  readonly path: string;
  readonly readers: FileReaders;
  /** Lets a page read the answer, where it may; true where that was all that it asked for. */
  allowPage(methods: string, moreHeaders?: string): boolean;
  /**
   * Lets a sender of JSON in, by the checks of GraphQL's requests, and runs `act`; `what` is the plural that errors say. A
   * sender whose credential ends is cut off.
   */
  receive(what: string, act: (message: Message) => Promise<void>): Promise<void>;
};

/** A request whose sender was admitted. */
type Message = {
  readonly body: Buffer;
  readonly viewer: Viewer;
};
