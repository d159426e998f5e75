import { type Kysely, sql } from "kysely";

import type { Job } from "../job/job.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";
import { toSearchText } from "../job/search-text.ts";
import { inChunks } from "./job-rows.ts";
import type { Documents, JobDocuments, StoredDocuments } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/*
 * Documents are JSON as text in both databases: JSON escapes U+0000 and lone surrogates, which neither could keep.
 */

/** The largest size that the columns hold. */
const UNLIMITED = 2 ** 31 - 1;

export function createDocuments(reads: Kysely<Tables>): Documents {
  return {
    async read(ids, mostBytes) {
      const rows = await inChunks(ids, (chunk) =>
        reads
          .selectFrom("job_documents")
          .select(documentColumns(mostBytes ?? UNLIMITED))
          .where("job_id", "in", chunk)
          .execute(),
      );
      const found = new Map(rows.map((row) => [row.job_id, toStoredDocuments(row)]));
      return ids.map((id) => found.get(id) ?? null);
    },

    async readInput(id) {
      const row = await reads
        .selectFrom("job_documents")
        .select("input")
        .where("job_id", "=", id)
        .executeTakeFirst();
      return row === undefined ? null : parseDocuments(id, row.input, null).input;
    },
  };
}

/** The texts are null where they take more than `mostBytes` together. */
export function documentColumns(mostBytes: number | string) {
  const isWanted = sql`input_bytes + output_bytes <= ${mostBytes}`;
  return [
    "job_id",
    "input_bytes",
    "output_bytes",
    sql<string | null>`case when ${isWanted} then input end`.as("input"),
    sql<string | null>`case when ${isWanted} then output end`.as("output"),
  ] as const;
}

export function toStoredDocuments(row: {
  readonly job_id: string;
  readonly input_bytes: number;
  readonly output_bytes: number;
  readonly input: string | null;
  readonly output: string | null;
}): StoredDocuments {
  const { input, output } = row;
  return {
    inputBytes: row.input_bytes,
    outputBytes: row.output_bytes,
    documents: input === null ? null : parseDocuments(row.job_id, input, output),
  };
}

function parseDocuments(jobId: string, inputText: string, output: string | null): JobDocuments {
  const input: JsonValue = JSON.parse(inputText);
  if (!isJsonObject(input)) throw new Error(`The stored input of ${jobId} is not a JSON object.`);
  return { input, output: output === null ? null : JSON.parse(output) };
}

/** An input as it is stored, and what it is found by. */
type InputTexts = { readonly text: string; readonly search: string };

/** Made before the writes that wait for each other. */
export function toInputTexts(input: JsonObject): InputTexts {
  return { text: JSON.stringify(input), search: toSearchText(input) };
}

export async function insertInput(
  transaction: Kysely<Tables>,
  { id: job_id, createdAt }: Job,
  { text, search }: InputTexts,
): Promise<void> {
  await transaction
    .insertInto("job_documents")
    .values({ job_id, input: text, input_bytes: Buffer.byteLength(text) })
    .execute();
  if (search === "") return;
  const created_at = createdAt.getTime();
  await transaction.insertInto("job_texts").values({ created_at, job_id, search }).execute();
}

export async function setOutput(
  transaction: Kysely<Tables>,
  jobId: string,
  output: string,
): Promise<void> {
  await transaction
    .updateTable("job_documents")
    .set({ output, output_bytes: Buffer.byteLength(output) })
    .where("job_id", "=", jobId)
    .execute();
}
