/** The HTTP status of an answer that is nothing but an error with this code. */
export const HTTP_STATUSES = {
  BAD_REQUEST: 400,
  BAD_USER_INPUT: 400,
  DOCUMENT_TOO_COSTLY: 400,
  DOCUMENT_TOO_LARGE: 400,
  OPERATION_RESOLUTION_FAILURE: 400,
  PERSISTED_QUERY_NOT_FOUND: 400,
  PERSISTED_QUERY_REQUIRED: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  REQUEST_TIMEOUT: 408,
  ALREADY_UPLOADED: 409,
  ANSWER_TOO_LARGE: 413,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  MISDIRECTED_REQUEST: 421,
  INVALID_FILE: 422,
  RATE_LIMITED: 429,
  TOO_MANY_OPERATIONS: 429,
  HEADERS_TOO_LARGE: 431,
  INTERNAL_SERVER_ERROR: 500,
  BUDGET_EXCEEDED: 503,
  QUOTA_EXCEEDED: 503,
  READ_TOO_SLOW: 503,
  UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof HTTP_STATUSES;

type Details = ErrorOptions & {
  /** When asking again makes sense: at least 1. */
  readonly retryAfterSeconds?: number | undefined;
  /** The number that is reached. */
  readonly limit?: number | undefined;
  /** Further ones of an HTTP answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of an HTTP answer, where it is not the code's own. */
  readonly status?: number | undefined;
};

/**
 * Something that a client asked for is not done; the message says why, and what to do next. Any room throws it. GraphQL
 * answers with its `extensions` at the field where it was thrown, HTTP with its status, and a WebSocket closes.
 */
export class CodedError extends Error {
  override readonly name: string = this.constructor.name;
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly limit: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;

  constructor(code: ErrorCode, message: string, details: Details = {}) {
    const {
      retryAfterSeconds,
      limit,
      headers = {},
      status = HTTP_STATUSES[code],
      ...cause
    } = details;
    super(message, cause);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
    this.limit = limit;
    this.headers = headers;
  }

  /** GraphQL takes them over into its own error, and JSON leaves out what is undefined. */
  get extensions() {
    const { code, retryAfterSeconds, limit } = this;
    return { code, retryAfterSeconds, limit };
  }

  toJSON() {
    const { message, extensions } = this;
    return { message, extensions };
  }
}

/** An owner has reached one of the gateway's own limits: a rate, or an amount. */
export class LimitError extends CodedError {
  /** Which limit it is, as `OWNER_LIMITS` names those of an owner. */
  readonly limitName: string;

  /** The message names the limit and the next step. */
  constructor(
    message: string,
    details: {
      readonly limitName: string;
      readonly code: "RATE_LIMITED" | "QUOTA_EXCEEDED" | "BUDGET_EXCEEDED";
      readonly retryAfterSeconds: number | undefined;
      readonly limit: number;
      readonly status?: number;
    },
  ) {
    super(details.code, message, details);
    this.limitName = details.limitName;
  }
}

/** An argument can't be used; `message` names it and the next step. */
export function badUserInput(message: string): CodedError {
  return new CodedError("BAD_USER_INPUT", message);
}

/** The bytes of an upload can't be taken. */
export function invalidFile(message: string, options: ErrorOptions = {}): CodedError {
  return new CodedError("INVALID_FILE", message, options);
}

/** What was asked for may be there again a little later. */
export function unavailable(message: string, retryAfterSeconds = 5): CodedError {
  return new CodedError("UNAVAILABLE", message, { retryAfterSeconds });
}

/** The gateway, or a command, can't run as it is set up; the text says why and what to do, and holds no credential. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

/** SQLite's number (its low byte: the rest is detail), or the code of Postgres, the system, the network or a library. */
export function codeOf(error: unknown): string | number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("errcode" in error && typeof error.errcode === "number") return error.errcode & 0xff;
  const code = "code" in error ? error.code : undefined;
  return typeof code === "string" || typeof code === "number" ? code : undefined;
}

/** What was thrown, or where that is no error, one with this message. */
export function toError(thrown: unknown, message: string): Error {
  return thrown instanceof Error ? thrown : new Error(message, { cause: thrown });
}

/** Null where the file is missing. */
export async function nullIfMissing<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** An amount as messages say it: `1 socket`, `2 sockets`. */
export function toCountText(count: number, plural: string): string {
  return `${count} ${count === 1 ? plural.replace(/s$/, "") : plural}`;
}

/** A duration as messages say it, rounded up: `1 second`, `10 minutes`, `24 hours`. */
export function toDurationText(seconds: number): string {
  if (seconds < 120) return toCountText(Math.ceil(seconds), "seconds");
  if (seconds < 7_200) return toCountText(Math.ceil(seconds / 60), "minutes");
  return toCountText(Math.ceil(seconds / 3_600), "hours");
}
