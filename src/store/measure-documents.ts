import type { Kysely } from "kysely";
import { sql } from "kysely";

import { toDocuments } from "./job-rows.ts";
import type { MeasuredDocuments } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/** By job id, in one statement. Neither database reads a text to tell its bytes, nor one that is left out. */
export async function measureDocuments(
  queries: Kysely<Tables>,
  ids: readonly string[],
  mostBytes: number,
): Promise<(readonly [string, MeasuredDocuments])[]> {
  const inputBytes = sql<number>`octet_length("input")`;
  const outputBytes = sql<number>`coalesce(octet_length("output"), 0)`;
  const isSmall = sql<boolean>`${inputBytes} + ${outputBytes} <= ${sql.lit(mostBytes)}`;
  const rows = await queries
    .selectFrom("jobs")
    .select([
      "id",
      inputBytes.as("input_bytes"),
      outputBytes.as("output_bytes"),
      sql<string | null>`case when ${isSmall} then "input" end`.as("input"),
      sql<string | null>`case when ${isSmall} then "output" end`.as("output"),
    ])
    .where("id", "in", ids)
    .execute();
  return rows.map(({ id, input, output, input_bytes, output_bytes }) => {
    const documents = input === null ? null : toDocuments({ id, input, output });
    return [id, { inputBytes: input_bytes, outputBytes: output_bytes, documents }];
  });
}
