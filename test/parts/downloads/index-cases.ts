import { createDownloadRows } from "../../../src/parts/downloads/download-rows.ts";
import type { IndexCases } from "../../store/index-cases.ts";

export const indexCases: IndexCases = {
  seed: (numbers, nowMs) => `
    insert into downloads (id, owner_id, job_ids, expires_at)
      select 'dl_' || n, 'o' || n % 5000, '[]', ${nowMs} + case when n <= 10000 then 3600000 else -n end
      from ${numbers(1, 20_000)};`,
  tables: "(?:from|update) downloads",
  reads: [
    ["a download to be claimed", (store) => createDownloadRows(store).claim("dl_1", 1_000)],
    [
      "a download to be made",
      (store) =>
        createDownloadRows(store).create(
          { id: `${Math.random()}`, ownerId: "o1", jobIds: [], readsAll: false },
          1_000,
        ),
    ],
  ],
};
