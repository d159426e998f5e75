import fs from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from "../engine/job/json.ts";
import { codeOf, nullIfMissing, SetupError } from "../runtime/coded-error.ts";
import { replaceFile } from "../runtime/replace-file.ts";
import type { EntryMembers } from "../engine/runcomfy/kinds/kind.ts";
import { readCatalogue, readDeploymentsJson } from "../engine/deployments/load-catalogue.ts";

/** A deployments file as its JSON, before it is known whether it is right. */
export type DeploymentsFile = {
  /** Whole, because nobody sees where a relative path starts. */
  readonly path: string;
  /** Null where it is missing. */
  readonly text: string | null;
  readonly members: JsonObject;
  readonly entries: readonly JsonValue[];
};

/** Reads the file, which has no entries where it is missing. Rejects with a sentence. */
export async function readDeploymentsFile(file: string): Promise<DeploymentsFile> {
  const path = resolve(file);
  const { text, json } = await readDeploymentsJson(path).catch((error: unknown) => {
    if (codeOf(Object(error).cause) !== "ENOENT") throw error;
    return { text: null, json: { deployments: [] } };
  });
  const members: JsonObject = isJsonObject(json) ? json : {};
  const { deployments: entries = null } = members;
  if (isJsonArray(entries)) return { path, text, members, entries };
  throw new SetupError(
    `${path} has no list of deployments. Correct it, so that it looks like {"deployments":[]}.`,
  );
}

/** Replaces the entries, and gives what they are to a gateway. Nothing is written where it would not start with them. */
export async function writeEntries(
  { path, text, members }: DeploymentsFile,
  entries: readonly JsonValue[],
  entryMembers: readonly EntryMembers[],
) {
  const next = { ...members, deployments: entries };
  const { catalogue, problems, warnings } = readCatalogue(next, "sandbox", entryMembers);
  if (problems.length > 0)
    throw new SetupError(
      [
        `${path} stays as it is, because the gateway would not start with it; correct this first:`,
        ...problems.map((problem) => `  ${problem}`),
      ].join("\n"),
    );
  const indent = /\n([ \t]+)"/.exec(text ?? "")?.[1] ?? "  ";
  try {
    // RunComfy may have taken a while to answer.
    if ((await nullIfMissing(fs.readFile(path, "utf8"))) !== text)
      throw new SetupError(`${path} has changed meanwhile and stays as it is. Try again.`);
    await fs.mkdir(dirname(path), { recursive: true });
    const modes = { mode: 0o644, mostMode: 0o777 };
    await replaceFile(path, `${JSON.stringify(next, null, indent)}\n`, modes);
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    throw new SetupError(
      `The deployments file ${path} can't be written (${code}). Correct its path (DEPLOYMENTS_FILE or --deployments), or who may write in its folder.`,
      { cause: error },
    );
  }
  return { catalogue, warnings };
}
