import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { Catalogue } from "./catalogue.ts";
import { readCatalogue } from "./read-catalogue.ts";

type LoadedCatalogue = {
  readonly catalogue: Catalogue;
  /** The deployments as the file has them. */
  readonly entries: readonly unknown[];
  /** Sentences about what in the file is probably a mistake. */
  readonly doubts: readonly string[];
};

/** Reads a file of `{"deployments":[{id,name,…}]}`. Rejects with one error that lists every problem. */
export async function loadCatalogue(file: string): Promise<LoadedCatalogue> {
  // Whole in messages: of a relative one nobody sees where it starts.
  const path = resolve(file);
  const { catalogue, entries, problems, doubts } = readCatalogue(
    parseJson(await readText(path), path),
  );
  if (problems.length === 0) return { catalogue, entries, doubts };
  const title = `The deployments file ${path} can't be used; correct it and start again:`;
  throw new Error([title, ...problems.map((problem) => `  ${problem}`)].join("\n"));
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `The deployments file ${path} can't be read (${reason}). Correct its path (DEPLOYMENTS_FILE or --deployments), or leave it out.`,
      { cause },
    );
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    // Some editors put a mark in front.
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `The deployments file ${path} is not JSON (${reason}). Correct it and start again.`,
      { cause },
    );
  }
}
