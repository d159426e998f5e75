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
