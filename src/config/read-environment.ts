import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";

/** The variables of `own` and of the `.env` beside package.json; `own` wins, and empty values are left out. */
export function readEnvironment(own: NodeJS.Dict<string>): NodeJS.Dict<string> {
  return withoutEmpty({ ...readDotEnv(), ...withoutEmpty(own) });
}

function readDotEnv(): NodeJS.Dict<string> {
  try {
    const bytes = readFileSync(new URL("../../.env", import.meta.url));
    // UTF-16 without a mark is valid UTF-8 too, with a zero in every other byte.
    if (isUtf8(bytes) && !bytes.includes(0))
      // Unlike Buffer's, this decoder drops the mark that some editors put first.
      return parseEnv(new TextDecoder().decode(bytes));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    if (code === "ENOENT") return {};
    throw new Error(
      `The file .env beside package.json can't be read (${code}). Make it a readable text file, or remove it.`,
      { cause },
    );
  }
  throw new Error(
    "The file .env beside package.json is not UTF-8 text. Save it as UTF-8, or remove it.",
  );
}

function withoutEmpty(environment: NodeJS.ProcessEnv): NodeJS.Dict<string> {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()));
}
