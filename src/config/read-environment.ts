import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";

/** The variables of `own` and of the `.env` beside package.json; `own` wins, and empty values are left out. */
export function readEnvironment(own: NodeJS.Dict<string>): NodeJS.Dict<string> {
  return withoutEmpty({ ...readDotEnv(), ...withoutEmpty(own) });
}

function readDotEnv(): NodeJS.Dict<string> {
  try {
    // Unlike Buffer's, this decoder drops the mark that some editors put first, and stops at what is not UTF-8.
    const decoder = new TextDecoder("utf-8", { fatal: true });
    return parseEnv(decoder.decode(readFileSync(new URL("../../.env", import.meta.url))));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    if (code === "ENOENT") return {};
    throw new Error(
      `The file .env beside package.json can't be read (${code}). Save it as UTF-8 text that the gateway may read, or remove it.`,
      { cause },
    );
  }
}

function withoutEmpty(environment: NodeJS.ProcessEnv): NodeJS.Dict<string> {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()));
}
