import { readFile } from "node:fs/promises";

import { z } from "zod";

import { IDENTIFIER } from "../job/identifier.ts";
import { toPathText } from "../job/input-issue.ts";
import { JOB_ID_PREFIX } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";

/** A deployment as clients see it; null where nobody said. */
export type Deployment = {
  /** The vendor's id. */
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly inputSchema: JsonObject | null;
  readonly outputSchema: JsonObject | null;
};

/** The deployments that exist, in the order of their file; null when every well-formed id is passed on upstream. */
export type Catalogue = {
  readonly deployments: readonly Deployment[];
  find(id: string): Deployment | null;
} | null;

/** Reads a file of `{"deployments":[{id,name,…}]}`. Rejects with one error that lists every problem. */
export async function loadCatalogue(path: string): Promise<NonNullable<Catalogue>> {
  const file = parseJson(await readText(path), path);
  const parsed = FILE.safeParse(file);
  const duplicates = findDuplicates(file);
  if (!parsed.success || duplicates.length > 0) {
    const problems = (parsed.error?.issues ?? []).map(
      (issue) => `${toPathText(issue.path.map(toSegment)) || "the whole file"}: ${issue.message}`,
    );
    throw new Error(
      [
        `The deployments file ${path} can't be used; correct it and start again:`,
        ...[...problems, ...duplicates].map((problem) => `  ${problem}`),
      ].join("\n"),
    );
  }
  const deployments = new Map(
    parsed.data.deployments.map((deployment) => [deployment.id, deployment]),
  );
  return {
    deployments: [...deployments.values()],
    find: (id) => deployments.get(id) ?? null,
  };
}

// Not zod's own objects: those drop keys such as `__proto__`.
const JSON_SCHEMA = z
  .custom<JsonObject>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "must be a JSON Schema object",
  )
  .nullable()
  .default(null);

const DEPLOYMENT = z.object({
  id: z
    .string("must be a string")
    .regex(
      new RegExp(`^(?!${JOB_ID_PREFIX})${IDENTIFIER}$`),
      "must be 1 to 128 letters, digits, _ or -, and not start with job_",
    ),
  name: z.string("must be a string").min(1, "must not be empty"),
  description: z.string("must be a string").nullable().default(null),
  inputSchema: JSON_SCHEMA,
  outputSchema: JSON_SCHEMA,
});

const FILE = z.object(
  { deployments: z.array(DEPLOYMENT, "must be a list of deployments") },
  'must be an object such as {"deployments":[{"id":"…","name":"…"}]}',
);

/** The ids of a file, whatever else is wrong with it: zod refines no list of which an item is wrong. */
const IDS = z.object({
  deployments: z.array(z.object({ id: z.string().nullable() }).catch({ id: null })),
});

function findDuplicates(file: unknown): string[] {
  const listed = IDS.safeParse(file).data?.deployments ?? [];
  const ids = new Set<string>();
  return listed.flatMap(({ id }, index) => {
    if (id === null) return [];
    if (ids.has(id)) {
      return [`deployments[${index}].id: ${JSON.stringify(id)} is listed twice; keep one of them`];
    }
    ids.add(id);
    return [];
  });
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `The deployments file ${path} can't be read (${reason}). Correct DEPLOYMENTS_FILE or leave it out.`,
      { cause },
    );
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `The deployments file ${path} is not JSON (${reason}). Correct it and start again.`,
      {
        cause,
      },
    );
  }
}

function toSegment(segment: PropertyKey): string | number {
  return typeof segment === "number" ? segment : String(segment);
}
