import type { CompiledQuery, Kysely } from "kysely";

import type { Database } from "./database.ts";
import { documentColumns, toStoredDocuments } from "./job-documents.ts";
import { inChunks, JOB_COLUMNS, toJob } from "./job-rows.ts";
import type { Jobs } from "./job-store.ts";
import type { Tables } from "./tables.ts";

type Value = string | number;

export function createJobReads({
  queries,
  reads,
}: Database): Pick<Jobs, "read" | "readMany" | "readWithDocuments"> {
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
    async read(id, ownerId) {
      const [row] = await one(queries, id, ownerId);
      return row === undefined ? null : toJob(row);
    },

    async readMany(ids, ownerId) {
      const rows = await inChunks(ids, ([id = "", ...others]) =>
        others.length === 0 ? one(reads, id, ownerId) : select([id, ...others], ownerId).execute(),
      );
      const found = new Map(rows.map((row) => [row.id, toJob(row)]));
      return ids.map((id) => found.get(id) ?? null);
    },

    async readWithDocuments(ids, mostBytes, ownerId) {
      const rows = await inChunks(ids, ([id = "", ...others]) =>
        others.length === 0
          ? oneWhole(id, mostBytes, ownerId)
          : selectWhole([id, ...others], mostBytes, ownerId).execute(),
      );
      const found = new Map(
        rows.map((row) => [row.id, { job: toJob(row), documents: toStoredDocuments(row) }]),
      );
      return ids.map((id) => found.get(id) ?? null);
    },
  };
}

/** A query that is built once, from a stand-in for each value: to build it takes longer than to run it. */
function prepare<Row>(
  build: (...standIns: [Value, Value, Value]) => { compile(): CompiledQuery<Row> },
): (queries: Kysely<Tables>, ...values: readonly Value[]) => Promise<Row[]> {
  const standIns = ["0", "1", "2"] as const;
  const compiled = build(...standIns).compile();
  const places = compiled.parameters.map(Number);
  return async (queries, ...values) => {
    const parameters = places.map((place) => values[place]);
    return (await queries.executeQuery<Row>({ ...compiled, parameters })).rows;
  };
}
