import { badUserInput } from "../../runtime/coded-error.ts";
import type { JobPosition } from "../store/list-jobs.ts";

/** A position in the list of jobs, as clients hand it back. */
export function toCursor({ createdAt, id }: JobPosition): string {
  return Buffer.from(`${createdAt.getTime()}:${id}`).toString("base64url");
}

/** Throws BAD_USER_INPUT, naming the argument, for anything that `toCursor` did not make. */
export function fromCursor(cursor: string, argument: "after" | "before"): JobPosition {
  const [, timeMs, id] =
    /^(\d{1,15}):(job_[\w-]{1,124})$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (timeMs !== undefined && id !== undefined) {
    const position = { createdAt: new Date(Number(timeMs)), id };
    // Node decodes leniently and ignores what it can't read, so only an exact match counts.
    if (toCursor(position) === cursor) return position;
  }
  throw badUserInput(
    `\`${argument}\` is not a cursor of this list. Take one from \`pageInfo\` or an edge's \`cursor\`, or leave it out to start at the beginning.`,
  );
}
