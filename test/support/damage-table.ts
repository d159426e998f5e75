import { open } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";

/** Overwrites all pages of a table of an SQLite file. */
export async function damageTable(path: string, table: string): Promise<void> {
  const reader = new DatabaseSync(path);
  const pages = reader
    .prepare("select pgoffset as place, pgsize as size from dbstat where name = ?")
    .all(table);
  reader.close();
  const file = await open(path, "r+");
  for (const { place, size } of pages)
    await file.write(Buffer.alloc(Number(size), 0xa5), 0, Number(size), Number(place));
  await file.close();
}
