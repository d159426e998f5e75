import { type Kysely, sql } from "kysely";

import type { Job } from "../job/job.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";
import { toSearchText } from "../job/search-text.ts";
import { inChunks } from "./job-rows.ts";
import type { Database } from "./database.ts";
import type { DocumentName, Documents, Result, StoredDocuments } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/*
 * Documents are JSON as text in both databases: JSON escapes U+0000 and lone surrogates, which neither could keep.
 */

export function createDocuments({ keyShare, reads, writeOne }: Database): Documents {
  async function readText(id: string, name: DocumentName): Promise<string | null> {
    const { rows } = await sql<{ readonly text: string | null }>`
      select ${sql.ref(name)} as text from ${sql.table(name === "assets" ? "job_assets" : "job_documents")}
      where job_id = ${id}`.execute(reads);
    return rows[0]?.text ?? null;
  }

  return {
    async read(ids, mostBytes) {
      const rows = await inChunks(ids, (chunk) =>
        reads
          .selectFrom("job_documents")
          .leftJoin("job_assets", "job_assets.job_id", "job_documents.job_id")
          .select(documentColumns(mostBytes))
          .where("job_documents.job_id", "in", chunk)
          .execute(),
      );
      const found = new Map(rows.map((row) => [row.job_id, toStoredDocuments(row)]));
      return ids.map((id) => found.get(id) ?? null);
    },

    readText,

    async readInput(id) {
      const text = await readText(id, "input");
      if (text === null) return null;
      const input: JsonValue = JSON.parse(text);
      if (!isJsonObject(input)) throw new Error(`The stored input of ${id} is not a JSON object.`);
      return input;
    },

    async noteAssets(id, assets) {
      const text = JSON.stringify(assets);
      const bytes = Buffer.byteLength(text);
      // It may be deleted just now.
      await writeOne((database) =>
        sql`insert into job_assets (job_id, bytes, assets)
          select id, cast(${bytes} as integer), cast(${text} as text) from jobs where id = ${id} ${keyShare}
          on conflict (job_id) do nothing`.execute(database),
      );
    },
  };
}

/** Each text is null where it takes more than `mostBytes`. */
export function documentColumns(mostBytes: number | string) {
  return [
    "job_documents.job_id",
    "input_bytes",
    "output_bytes",
    "job_assets.bytes as assets_bytes",
    sql<string | null>`case when input_bytes <= ${mostBytes} then input end`.as("input"),
    sql<string | null>`case when output_bytes <= ${mostBytes} then output end`.as("output"),
    sql<string | null>`case when job_assets.bytes <= ${mostBytes} then assets end`.as("assets"),
  ] as const;
}

export function toStoredDocuments(row: {
  readonly input_bytes: number;
  readonly output_bytes: number;
  readonly assets_bytes: number | null;
  readonly input: string | null;
  readonly output: string | null;
  readonly assets: string | null;
}): StoredDocuments {
  return {
    input: { bytes: row.input_bytes, text: row.input },
    output: row.output_bytes === 0 ? null : { bytes: row.output_bytes, text: row.output },
    assets: row.assets_bytes === null ? null : { bytes: row.assets_bytes, text: row.assets },
  };
}

/** An input as it is stored, and what it is found by. */
type InputTexts = { readonly text: string; readonly search: string };

/** Made before the writes that wait for each other. */
export function toInputTexts(input: JsonObject): InputTexts {
  return { text: JSON.stringify(input), search: toSearchText(input) };
}

export async function insertInput(
  transaction: Kysely<Tables>,
  { id: job_id, ownerId: owner_id, createdAt }: Job,
  { text, search }: InputTexts,
): Promise<void> {
  await transaction
    .insertInto("job_documents")
    .values({ job_id, input: text, input_bytes: Buffer.byteLength(text) })
    .execute();
  if (search === "") return;
  const created_at = createdAt.getTime();
  await transaction
    .insertInto("job_texts")
    .values({ owner_id, created_at, job_id, search })
    .execute();
}

type ResultTexts = { readonly output: string; readonly assets: string };

/** Made before the writes that wait for each other. */
export function toResultTexts({ output, assets }: Result): ResultTexts {
  return { output: JSON.stringify(output), assets: JSON.stringify(assets) };
}

export async function setResult(
  transaction: Kysely<Tables>,
  job_id: string,
  { output, assets }: ResultTexts,
): Promise<void> {
  await transaction
    .updateTable("job_documents")
    .set({ output, output_bytes: Buffer.byteLength(output) })
    .where("job_id", "=", job_id)
    .execute();
  await transaction
    .insertInto("job_assets")
    .values({ job_id, bytes: Buffer.byteLength(assets), assets })
    .execute();
}
