import fs from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";
import { codeOf, nullIfMissing, SetupError } from "../runtime/coded-error.ts";
import { readCatalogue } from "../deployments/load-catalogue.ts";

/** A deployments file as its JSON, before it is known whether it is right. */
export type DeploymentsFile = {
  /** Whole, because nobody sees where a relative path starts. */
  readonly path: string;
  readonly members: JsonObject;
  readonly entries: readonly JsonValue[];
  /** What its lines are indented by. */
  readonly indent: string;
};

/** Reads the file, which has no entries where it is missing. Rejects with a `SetupError`. */
export async function readDeploymentsFile(file: string): Promise<DeploymentsFile> {
  const path = resolve(file);
  const text = await nullIfMissing(fs.readFile(path, "utf8")).catch((error: unknown) => {
    throw explain(error, path, "read");
  });
  const members = text === null ? { deployments: [] } : parse(text, path);
  const { deployments: entries } = members;
  if (entries === undefined || !isJsonArray(entries))
    throw new SetupError(
      `${path} has no list of deployments. Correct it, so that it looks like {"deployments":[]}.`,
    );
  return { path, members, entries, indent: /\n([ \t]+)"/.exec(text ?? "")?.[1] ?? "  " };
}

/** Replaces the entries, and gives what they are to a gateway. Nothing is written where it would not start with them. */
export async function writeEntries(
  { path, members, indent }: DeploymentsFile,
  entries: readonly JsonValue[],
) {
  const next = { ...members, deployments: entries };
  const { catalogue, problems, warnings } = readCatalogue(next);
  if (problems.length > 0)
    throw new SetupError(
      [
        `${path} stays as it is, because the gateway would not start with it; correct this first:`,
        ...problems.map((problem) => `  ${problem}`),
      ].join("\n"),
    );
  try {
    await fs.mkdir(dirname(path), { recursive: true });
    await replace(path, `${JSON.stringify(next, null, indent)}\n`);
  } catch (error) {
    throw explain(error, path, "written");
  }
  return { catalogue, warnings };
}

/** Whoever reads the file finds it whole, before or after. A link stays a link. */
async function replace(path: string, text: string): Promise<void> {
  const target = (await nullIfMissing(fs.realpath(path))) ?? path;
  const former = await nullIfMissing(fs.stat(target));
  const draft = `${target}-new`;
  await fs.writeFile(draft, text, { flush: true, mode: former?.mode ?? 0o644 });
  await fs.rename(draft, target);
}

function parse(text: string, path: string): JsonObject {
  try {
    const file: JsonValue = JSON.parse(text.replace(/^\uFEFF/, ""));
    if (isJsonObject(file)) return file;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SetupError(`${path} is not JSON (${reason}). Correct it.`, { cause });
  }
  throw new SetupError(`${path} is no JSON object. Correct it, as in {"deployments":[]}.`);
}

function explain(error: unknown, path: string, what: "read" | "written"): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  return new SetupError(
    `The deployments file ${path} can't be ${what} (${code}). Correct its path (DEPLOYMENTS_FILE or --deployments), or who may do so.`,
    { cause: error },
  );
}
