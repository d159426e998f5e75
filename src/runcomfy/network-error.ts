import type { Call } from "./runcomfy-error.ts";
import { RunComfyError } from "./runcomfy-error.ts";

/** The system calls before a byte leaves. A code alone does not tell: a read can fail with EHOSTUNREACH as well. */
const SYSTEM_CALLS_BEFORE_SENDING = new Set(["connect", "getaddrinfo"]);
const CONNECT_TIMEOUT = "UND_ERR_CONNECT_TIMEOUT";
const CERTIFICATE =
  /^(?:CERT_|ERR_TLS_CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_|UNABLE_TO_(?:GET|VERIFY|DECRYPT|DECODE)_)/;

/**
 * What it means that a request got no answer, or no whole one. What was thrown is not kept as a cause: its texts and
 * fields name the upstream's address, and at worst a header.
 */
export function toNetworkError(call: Call, thrown: unknown): RunComfyError {
  const roots = findRoots(thrown);
  const codes = [...new Set(roots.flatMap(({ code }) => code ?? []))].join(", ");
  if (roots.length > 0 && roots.every(isBeforeSending)) {
    return new RunComfyError(
      `RunComfy could not be reached for the ${call} (${codes}). Check the gateway's network and RUNCOMFY_BASE_URL if this stays.`,
      { code: "UNAVAILABLE", delivery: "never-arrived" },
    );
  }
  return new RunComfyError(
    `The connection broke before RunComfy had answered the ${call}${codes && ` (${codes})`}. Check the gateway's network if this stays.`,
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
