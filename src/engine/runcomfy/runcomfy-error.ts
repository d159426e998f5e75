import type { InputIssue } from "../job/input.ts";
import type { UpstreamErrorCode } from "../job/errors.ts";

/** The five calls, as error texts name them. */
export type Call = "submit" | "status" | "result" | "cancel" | "list" | "balance";

/**
 * How far a failed request came. `never-arrived`: no byte of it reached the upstream. `refused`: the upstream surely did
 * not do it. `unknown`: it may have been done.
 */
export type Delivery = "never-arrived" | "refused" | "unknown";

/**
 * A call to the upstream that did not end as hoped. Its text is our own, so it may be logged: it holds neither the
 * address nor the token nor a word of the answer.
 */
export class RunComfyError extends Error {
  override readonly name = "RunComfyError";
  readonly code: UpstreamErrorCode;
  readonly delivery: Delivery;
  /** The HTTP status; null when there was no answer. */
  readonly httpStatus: number | null;
  /** How long the upstream asked everybody to stay away; null when it did not ask. Already bounded. */
  readonly retryAfterMs: number | null;
  /** Whether a whole body came that can't be read: too deep, too large, or no answer. Fetching it again wouldn't help. */
  readonly isRefused: boolean;
  /** Whether the upstream says that what it was asked about is another account's. */
  readonly isAnothers: boolean;
  /** What a 422 found wrong with the input; null for every other answer. */
  readonly issues: readonly InputIssue[] | null;

  constructor(
    message: string,
    options: Readonly<Pick<RunComfyError, "code" | "delivery">> &
      Readonly<
        Partial<
          Pick<RunComfyError, "httpStatus" | "retryAfterMs" | "isRefused" | "isAnothers" | "issues">
        >
      >,
  ) {
    super(message);
    this.code = options.code;
    this.delivery = options.delivery;
    this.httpStatus = options.httpStatus ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.isRefused = options.isRefused ?? false;
    this.isAnothers = options.isAnothers ?? false;
    this.issues = options.issues ?? null;
  }
}

/**
 * What it means that a request got no answer, or no whole one. What was thrown is not kept as a cause: its texts and
 * fields name the upstream's address, and at worst a header.
 */
export function toNetworkError(call: Call, thrown: unknown): RunComfyError {
  const roots = findRoots(thrown);
  const codes = [...new Set(roots.flatMap(({ code }) => code ?? []))].join(", ");
  if (roots.length > 0 && roots.every(isBeforeSending)) {
    return new RunComfyError(
      `RunComfy could not be reached for the ${call} (${codes}). Check the gateway's network, RUNCOMFY_BASE_URL and RUNCOMFY_MODEL_URL if this stays.`,
      { code: "UNAVAILABLE", delivery: "never-arrived" },
    );
  }
  return new RunComfyError(
    `The connection broke before RunComfy had answered the ${call}${codes && ` (${codes})`}. Check the gateway's network if this stays.`,
    // Mutant: a lost answer taken for one that was not sent
    { code: "UNAVAILABLE", delivery: "unknown" },
  );
}

/** For a call that took too long, with the HTTP status of an answer that began but did not end. */
export function toTimeoutError(call: Call, httpStatus: number | null): RunComfyError {
  const what = httpStatus === null ? "did not answer" : "began and did not end its answer to";
  return new RunComfyError(
    `RunComfy ${what} the ${call} in time. Check RunComfy's status page if this stays.`,
    { code: "TIMEOUT", delivery: "unknown", httpStatus },
  );
}

/** The system calls before a byte leaves. A code alone is not enough: a read can fail with EHOSTUNREACH as well. */
const SYSTEM_CALLS_BEFORE_SENDING = new Set(["connect", "getaddrinfo"]);
const CONNECT_TIMEOUT = "UND_ERR_CONNECT_TIMEOUT";
const CERTIFICATE =
  /^(?:CERT_|ERR_TLS_CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_|UNABLE_TO_(?:GET|VERIFY|DECRYPT|DECODE)_)/;

type Root = { readonly code: string | null; readonly systemCall: string | null };

/** The root errors: a host with several addresses fails with an AggregateError of one for each. */
function findRoots(thrown: unknown, depth = 8): Root[] {
  if (!(thrown instanceof Error) || depth === 0) return [];
  if (thrown instanceof AggregateError && thrown.errors.length > 0) {
    return thrown.errors.flatMap((error: unknown) => findRoots(error, depth - 1));
  }
  const deeper = findRoots(thrown.cause, depth - 1);
  if (deeper.length > 0) return deeper;
  return [{ code: readText(thrown, "code"), systemCall: readText(thrown, "syscall") }];
}

function isBeforeSending({ code, systemCall }: Root): boolean {
  if (systemCall !== null) return SYSTEM_CALLS_BEFORE_SENDING.has(systemCall);
  return code !== null && (code === CONNECT_TIMEOUT || CERTIFICATE.test(code));
}

function readText(error: Error, field: "code" | "syscall"): string | null {
  const value: unknown = Reflect.get(error, field);
  return typeof value === "string" ? value : null;
}
