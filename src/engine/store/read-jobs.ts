import { type CompiledQuery, type Kysely, sql } from "kysely";

import { type Asset, toAssets } from "../job/asset.ts";
import type { Job, JobEvent } from "../job/job.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";
import type { Database } from "./database.ts";
import { inChunks, inOrder, JOB_COLUMNS, toJob } from "./job-rows.ts";
import type { Tables } from "./tables.ts";

export type DocumentName = "input" | "output" | "assets";

/** JSON; the text is null where it has more bytes than what was asked for. */
type StoredDocument = { readonly bytes: number; readonly text: string | null };

export type StoredDocuments = {
  readonly input: StoredDocument;
  /** Null until the job SUCCEEDED. */
  readonly output: StoredDocument | null;
  /** What files the output names; null until the job SUCCEEDED. */
  readonly assets: StoredDocument | null;
};

type JobWithDocuments = { readonly job: Job; readonly documents: StoredDocuments };

export type Value = string | number;

export function createJobReads({ queries, reads }: Database) {
  const select = (ids: readonly Value[], ownerId: Value | undefined) =>
    reads
      .selectFrom("jobs")
      .select(JOB_COLUMNS)
      .where("id", "in", ids.map(String))
      .$if(ownerId !== undefined, (jobs) => jobs.where("owner_id", "=", String(ownerId)));
  const selectWhole = (ids: readonly Value[], mostBytes: Value, ownerId: Value | undefined) =>
    select(ids, ownerId)
      .innerJoin("job_documents", "job_documents.job_id", "id")
      .leftJoin("job_assets", "job_assets.job_id", "id")
      .select(documentColumns(mostBytes));
  const ofOwner = prepare((id, _most, ownerId) => select([id], ownerId));
  const ofAll = prepare((id) => select([id], undefined));
  const wholeOfOwner = prepare((id, most, ownerId) => selectWhole([id], most, ownerId));
  const wholeOfAll = prepare((id, most) => selectWhole([id], most, undefined));
  const one = (from: Kysely<Tables>, id: string, ownerId: string | undefined) =>
    ownerId === undefined ? ofAll(from, id) : ofOwner(from, id, 0, ownerId);
  const oneWhole = (id: string, most: number, ownerId: string | undefined) =>
    ownerId === undefined ? wholeOfAll(reads, id, most) : wholeOfOwner(reads, id, most, ownerId);

  return {
    async read(id: string, ownerId?: string): Promise<Job | null> {
      const [row] = await one(queries, id, ownerId);
      return row === undefined ? null : toJob(row);
    },

    /** In the order of `ids`, null if there is none. */
    async readMany(ids: readonly string[], ownerId?: string): Promise<(Job | null)[]> {
      const rows = await inChunks(ids, ([id = "", ...others]) =>
        others.length === 0 ? one(reads, id, ownerId) : select([id, ...others], ownerId).execute(),
      );
      return inOrder(ids, rows, toJob);
    },

    /** The same together with their documents, as `documents.read` gives them. */
    async readWithDocuments(
      ids: readonly string[],
      mostBytes: number,
      ownerId?: string,
    ): Promise<(JobWithDocuments | null)[]> {
      const rows = await inChunks(ids, ([id = "", ...others]) =>
        others.length === 0
          ? oneWhole(id, mostBytes, ownerId)
          : selectWhole([id, ...others], mostBytes, ownerId).execute(),
      );
      return inOrder(ids, rows, (row) => ({ job: toJob(row), documents: toStoredDocuments(row) }));
    },

    async readKeyed(
      ownerId: string,
      key: string,
    ): Promise<{ readonly job: Job; readonly fingerprint: string } | null> {
      const row = await queries
        .selectFrom("jobs")
        .selectAll()
        .where("owner_id", "=", ownerId)
        .where("idempotency_key", "=", key)
        .executeTakeFirst();
      return row === undefined ? null : { job: toJob(row), fingerprint: row.fingerprint ?? "" };
    },

    /** In the order of `ids`, each oldest first. */
    async readHistories(ids: readonly string[]): Promise<JobEvent[][]> {
      const rows = await inChunks(ids, (chunk) =>
        reads
          .selectFrom("job_events")
          .selectAll()
          .where("job_id", "in", chunk)
          .orderBy("job_id")
          .orderBy("version")
          .execute(),
      );
      const histories = Map.groupBy(rows, (row) => row.job_id);
      return ids.map((id) =>
        (histories.get(id) ?? []).map(({ version, status, at }) => ({
          version,
          status,
          at: new Date(at),
        })),
      );
    },

    /** As a subscriber set it at the insert; null where none was, or there is no such job. */
    async readTraceparent(id: string): Promise<string | null> {
      const row = await reads
        .selectFrom("jobs")
        .select("traceparent")
        .where("id", "=", id)
        .executeTakeFirst();
      return row?.traceparent ?? null;
    },
  };
}

/** Documents are JSON as text in both databases: JSON escapes U+0000 and lone surrogates, which neither could keep. */
export function createDocuments({ reads, toTexts }: Database) {
  const select = prepare((ids, mostBytes) =>
    reads
      .selectFrom("job_documents")
      .leftJoin("job_assets", "job_assets.job_id", "job_documents.job_id")
      .select("job_documents.job_id as id")
      .select(documentColumns(mostBytes))
      .where(sql<boolean>`job_documents.job_id in ${toTexts([String(ids)])}`),
  );

  /** The text of one, however large it is; null if there is none. */
  async function readText(id: string, name: DocumentName): Promise<string | null> {
    const { rows } = await sql<{ readonly text: string | null }>`
      select ${sql.ref(name)} as text from ${sql.table(name === "assets" ? "job_assets" : "job_documents")}
      where job_id = ${id}`.execute(reads);
    return rows[0]?.text ?? null;
  }

  return {
    /** In the order of `ids`, null if there is no job. The texts of documents above `mostBytes` are not read. */
    async read(ids: readonly string[], mostBytes: number): Promise<(StoredDocuments | null)[]> {
      const rows = await inChunks(ids, (chunk) => select(reads, JSON.stringify(chunk), mostBytes));
      return inOrder(ids, rows, toStoredDocuments);
    },

    readText,

    /** The first files that each output names, however long the list is; null until the job SUCCEEDED. */
    async readFirstAssets(ids: readonly string[]): Promise<(FirstAssets | null)[]> {
      const rows = await inChunks(ids, (chunk) =>
        reads
          .selectFrom("job_assets")
          .leftJoin("first_assets", "first_assets.job_id", "job_assets.job_id")
          .select(["job_assets.job_id as id", "count"])
          .select(sql<string>`coalesce(first_assets.assets, job_assets.assets)`.as("assets"))
          .where("job_assets.job_id", "in", chunk)
          .execute(),
      );
      return inOrder(ids, rows, ({ assets: text, count }) => {
        const assets = toAssets(JSON.parse(text));
        return count === null ? toFirstAssets(assets) : { assets, count };
      });
    },

    /** A job's input without its output, which may be far larger; null if there is no job. */
    async readInput(id: string): Promise<JsonObject | null> {
      const text = await readText(id, "input");
      if (text === null) return null;
      const input: JsonValue = JSON.parse(text);
      if (!isJsonObject(input)) throw new Error(`The stored input of ${id} is not a JSON object.`);
      return input;
    },
  };
}

/** The first files that an output names, and how many it names. */
export type FirstAssets = { readonly assets: readonly Asset[]; readonly count: number };

/** As many as one message or one answer of a tool names. */
const MAX_FIRST = 100;
const MAX_FIRST_CHARACTERS = 20_000;
/** Of a longer list the first are stored apart. */
export const MAX_SHORT_BYTES = 20_000;

export function toFirstAssets(all: readonly Asset[]): FirstAssets {
  let characters = 0;
  const assets = all.slice(0, MAX_FIRST);
  const end = assets.findIndex(
    ({ url, path }) => (characters += url.length + path.length) > MAX_FIRST_CHARACTERS,
  );
  return { assets: end === -1 ? assets : assets.slice(0, end), count: all.length };
}

/** Each text is null where it takes more than `mostBytes`. */
export function documentColumns(mostBytes: Value) {
  return [
    sql<number>`input_bytes`.as("input_bytes"),
    sql<number>`output_bytes`.as("output_bytes"),
    sql<number | null>`job_assets.bytes`.as("assets_bytes"),
    sql<string | null>`case when input_bytes <= ${mostBytes} then input end`.as("input"),
    sql<string | null>`case when output_bytes <= ${mostBytes} then output end`.as("output"),
    sql<string | null>`case when job_assets.bytes <= ${mostBytes} then assets end`.as("assets"),
  ] as const;
}

export type DocumentColumns = {
  readonly input_bytes: number;
  readonly output_bytes: number;
  readonly assets_bytes: number | null;
  readonly input: string | null;
  readonly output: string | null;
  readonly assets: string | null;
};

export function toStoredDocuments(row: DocumentColumns): StoredDocuments {
  return {
    input: { bytes: row.input_bytes, text: row.input },
    output: row.output_bytes === 0 ? null : { bytes: row.output_bytes, text: row.output },
    assets: row.assets_bytes === null ? null : { bytes: row.assets_bytes, text: row.assets },
  };
}

/**
 * A query that is built once, from a stand-in for each value: to build it takes longer than to run it. A list of texts is
 * one value, as JSON; the list of the stand-in stands for it.
 */
export function prepare<Row>(
  build: (...standIns: [Value, Value, Value]) => { compile(): CompiledQuery<Row> },
): (queries: Kysely<Tables>, ...values: readonly Value[]) => Promise<Row[]> {
  const standIns = ["0", "1", "2"] as const;
  const compiled = build(...standIns).compile();
  const slots = compiled.parameters.map((standIn) => Number(String(standIn).replaceAll(/\D/g, "")));
  return async (queries, ...values) => {
    const parameters = slots.map((slot) => values[slot]);
    return (await queries.executeQuery<Row>({ ...compiled, parameters })).rows;
  };
}
