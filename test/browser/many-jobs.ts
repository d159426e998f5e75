import { DatabaseSync } from "node:sqlite";

import { pino } from "pino";

import { openStore } from "../../src/store/open-store.ts";
import { toManyJobs, toManyTexts } from "../support/many-jobs.ts";

/** Writes so many jobs that succeeded, each with its number in its prompt, into a SQLite file that no gateway has open. */
export async function writeManyJobs(path: string, count: number): Promise<void> {
  const store = await openStore({
    upstream: "sandbox",
    databaseUrl: `file:${path}`,
    log: pino({ level: "silent" }),
  });
  await store.close();
  using file = new DatabaseSync(path);
  file.exec(`${toManyJobs("local", count)} ${toManyTexts("local", "boat")}
    insert into job_documents (job_id, input_bytes, output_bytes, input, output)
    select id, 40, 15, json_object('prompt', 'Boat ' || substr(id, 5)), '{"images":[]}' from jobs`);
}
