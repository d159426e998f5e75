import { type Kysely, sql } from "kysely";

import type { JsonObject, JsonValue } from "../job/json.ts";
import { toStoredDocuments } from "./job-rows.ts";
import type { StoredDocuments } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/*
 * Documents are JSON as text, in both databases: it escapes U+0000 and lone surrogates, which neither could keep as they
 * are.
 */

/** By job id, in one statement; see `Documents.read`. */
export async function readDocuments(
  queries: Kysely<Tables>,
  ids: readonly string[],
  mostBytes: number | null,
): Promise<(readonly [string, StoredDocuments])[]> {
  const isWanted =
    mostBytes === null
      ? sql<boolean>`1 = 1`
      : sql<boolean>`input_bytes + output_bytes <= ${mostBytes}`;
  const rows = await queries
    .selectFrom("job_documents")
    .select([
      "job_id",
      "input_bytes",
      "output_bytes",
      sql<string | null>`case when ${isWanted} then input end`.as("input"),
      sql<string | null>`case when ${isWanted} then output end`.as("output"),
    ])
    .where("job_id", "in", ids)
    .execute();
  return rows.map((row) => [row.job_id, toStoredDocuments(row)]);
}

export async function insertInput(
  transaction: Kysely<Tables>,
  jobId: string,
  document: JsonObject,
): Promise<void> {
  const input = JSON.stringify(document);
  const input_bytes = Buffer.byteLength(input);
  await transaction
    .insertInto("job_documents")
    .values({ job_id: jobId, input, input_bytes })
    .execute();
}

export async function setOutput(
  transaction: Kysely<Tables>,
  jobId: string,
  document: JsonValue,
): Promise<void> {
  const output = JSON.stringify(document);
  await transaction
    .updateTable("job_documents")
    .set({ output, output_bytes: Buffer.byteLength(output) })
    .where("job_id", "=", jobId)
    .execute();
}
