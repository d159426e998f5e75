import { type Kysely, sql } from "kysely";

import { isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";
import { inChunks } from "./job-rows.ts";
import type { Documents, JobDocuments } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/*
 * Documents are JSON as text in both databases: JSON escapes U+0000 and lone surrogates, which neither could keep.
 */

/** The largest size that the columns hold. */
const UNLIMITED = 2 ** 31 - 1;

export function createDocuments(reads: Kysely<Tables>): Documents {
  return {
    async read(ids, mostBytes) {
      const isWanted = sql`input_bytes + output_bytes <= ${mostBytes ?? UNLIMITED}`;
      const rows = await inChunks(ids, (chunk) =>
        reads
          .selectFrom("job_documents")
          .select([
            "job_id",
            "input_bytes as inputBytes",
            "output_bytes as outputBytes",
            sql<string | null>`case when ${isWanted} then input end`.as("input"),
            sql<string | null>`case when ${isWanted} then output end`.as("output"),
          ])
          .where("job_id", "in", chunk)
          .execute(),
      );
      const found = new Map(
        rows.map(({ job_id, input, output, ...sizes }) => {
          const documents = input === null ? null : parseDocuments(job_id, input, output);
          return [job_id, { ...sizes, documents }];
        }),
      );
      return ids.map((id) => found.get(id) ?? null);
    },
  };
}

function parseDocuments(jobId: string, inputText: string, output: string | null): JobDocuments {
  const input: JsonValue = JSON.parse(inputText);
  if (!isJsonObject(input)) throw new Error(`The stored input of ${jobId} is not a JSON object.`);
  return { input, output: output === null ? null : JSON.parse(output) };
}

export async function insertInput(
  transaction: Kysely<Tables>,
  jobId: string,
  document: JsonObject,
): Promise<void> {
  const input = JSON.stringify(document);
  await transaction
    .insertInto("job_documents")
    .values({ job_id: jobId, input, input_bytes: Buffer.byteLength(input) })
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
