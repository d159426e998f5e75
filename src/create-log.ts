import { createRequire } from "node:module";
import type { Writable } from "node:stream";

import type { DatabaseError } from "pg";
import type { Logger } from "pino";
import { pino } from "pino";
import { z } from "zod";

import type { Config } from "./config/load-config.ts";
import { isPostgresError } from "./engine/store/database-error.ts";

/** How much may wait for the reader. */
const MAX_UNREAD_BYTES = 1_048_576;

/**
 * The log of the process: JSON lines, or on a terminal text, from warnings on. It never waits for its reader: one that is
 * too far behind misses lines, and learns how many once it has caught up.
 */
export function createLog({
  output,
  level,
}: {
  readonly output: Writable & { readonly isTTY?: boolean };
  readonly level: Config["logLevel"];
}): Logger {
  const isTerminal = output.isTTY === true;
  const format = isTerminal ? createPrettyFormat() : (line: string) => line;
  let dropped = 0;

  const log = pino(
    { level: level ?? (isTerminal ? "warn" : "info"), serializers: { err: toLoggedError } },
    {
      write(line: string) {
        // Once one line is dropped, all are until the reader has caught up, so that there is one gap to report.
        if (output.writableLength >= (dropped === 0 ? MAX_UNREAD_BYTES : 1)) {
          dropped += 1;
          return;
        }
        reportDropped();
        output.write(format(line));
      },
    },
  );
  output.on("drain", reportDropped);
  return log;

  function reportDropped(): void {
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    log.error(
      { lines },
      "Lines of this log were dropped, because it was read too slowly. Read standard error without a pause, or raise LOG_LEVEL.",
    );
  }
}

/** Loaded only where it is wanted, and at once, as the first lines wait for it. */
function createPrettyFormat(): (line: string) => string {
  const load = createRequire(import.meta.url);
  const { prettyFactory }: typeof import("pino-pretty") = load("pino-pretty");
  return prettyFactory({ ignore: "pid,hostname", translateTime: "HH:MM:ss" });
}

/** What is logged of an error. */
type LoggedError = {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string | number;
  /** Its cause, or the errors that it gathers. */
  readonly causes?: readonly LoggedError[];
};

const MAX_LINKS = 4;
const MAX_MEMBERS = 5;
/** So many errors, outer ones first, have their words replaced where another one repeats them. */
const MAX_ERRORS = 100;
const MAX_MESSAGE_CHARACTERS = 1_000;
const MAX_STACK_CHARACTERS = 4_000;

/** Postgres speaks of itself in these classes of codes: rollbacks, wrong statements, its state, its operators. */
const HARMLESS_CLASSES = /^(?:40|42|55|57)/;
const CODE = z.union([z.number(), z.string().regex(/^\w{1,64}$/)]);
const URLS = /\b(https?|wss?|postgres(?:ql)?):\/\/[^\s"'`<>]+/gi;

/**
 * What is logged of anything that was thrown. Errors carry more than they say: those of Postgres the row and its
 * parameters, so prompts and outputs; others a value or a body. So the log gets only what is listed here, and the words of
 * errors that quote values are replaced, also where an outer error repeats them.
 */
export function toLoggedError(thrown: unknown): LoggedError {
  try {
    return describe(thrown, createCleaner(thrown), MAX_LINKS);
  } catch {
    // Reading its parts may throw anything; this line is all that may come of it.
    return { type: typeof thrown, message: "What was thrown can't be read." };
  }
}

function describe(thrown: unknown, clean: (text: string) => string, links: number): LoggedError {
  if (!(thrown instanceof Error)) {
    return { type: typeof thrown, message: "What was thrown is no error, so it is not shown." };
  }
  const message = clean(toWords(thrown)).slice(0, MAX_MESSAGE_CHARACTERS);
  const code = CODE.safeParse("code" in thrown ? thrown.code : undefined);
  const inner = links === 1 ? [] : findInner(thrown).map((one) => describe(one, clean, links - 1));
  return {
    type: thrown.constructor.name,
    message,
    stack: `${thrown.name}: ${message}\n${findFrames(clean(thrown.stack ?? ""))}`,
    ...(code.success && { code: code.data }),
    ...(inner.length > 0 && { causes: inner }),
  };
}

/** The lines of a stack that say where; those before repeat the message, perhaps an older one. */
function findFrames(stack: string): string {
  return (
    stack
      .match(/^ +at .*/gm)
      ?.join("\n")
      .slice(0, MAX_STACK_CHARACTERS) ?? ""
  );
}

/** Its cause, what GraphQL wrapped in it, and the members of an `AggregateError`. */
function findInner(error: Error): readonly unknown[] {
  const wrapped = "originalError" in error ? error.originalError : undefined;
  const members = error instanceof AggregateError ? error.errors.slice(0, MAX_MEMBERS) : [];
  return [error.cause, wrapped, ...members].filter((inner) => inner !== undefined);
}

/** Makes a function that replaces the words of an error, and of those in it, that may not be repeated. */
function createCleaner(thrown: unknown): (text: string) => string {
  const errors = new Set([thrown]);
  const replacements: (readonly [string, string])[] = [];
  // The set grows on the way, outer ones first.
  for (const error of errors) {
    if (!(error instanceof Error)) continue;
    const words = toWords(error);
    if (words !== error.message && error.message !== "") replacements.push([error.message, words]);
    for (const inner of findInner(error)) if (errors.size < MAX_ERRORS) errors.add(inner);
  }
  return (text) =>
    replacements
      .reduce((cleaned, [message, words]) => cleaned.replaceAll(message, () => words), text)
      .replaceAll(URLS, "$1://…");
}

/** An error's message, or other words where it may quote a value. */
function toWords(error: Error): string {
  if (isPostgresError(error)) return describePostgres(error);
  if (error instanceof z.ZodError)
    return `A value has the wrong form (${error.issues.map(({ code }) => code).join(", ")}).`;
  if (error instanceof SyntaxError) return "A text can't be parsed, e.g. as JSON.";
  // GraphQL's wrapper of a thrown value that is no error.
  if (error.name === "NonErrorThrown") return "What was thrown is no error, so it is not shown.";
  return error.message;
}

function describePostgres({ code = "?", message, table, column, constraint }: DatabaseError) {
  if (HARMLESS_CLASSES.test(code)) return message;
  const named = Object.entries({ table, column, constraint }).filter(([, name]) => name);
  const names = named.map((pair) => pair.join(" ")).join(", ");
  return `Postgres refused it with code ${code}${names && ` (${names})`}. Look the code up in its manual; the words are not logged, because they may quote values.`;
}
