import type { Cluster } from "./cluster.ts";

/** Counts, from now on, the saves of a job that found its row at another version, and so changed nothing. */
export async function countRefusedSaves({
  database,
}: Pick<Cluster, "database">): Promise<() => Promise<number>> {
  // A trigger for each row would not see them.
  await database.query(`
    create table refused_saves (at timestamptz default clock_timestamp());
    create function note_refused_save() returns trigger language plpgsql as $$ begin
      if current_query() like '%"updated_at" = $%' and not exists (select from saved) then
        insert into refused_saves default values;
      end if;
      return null;
    end $$;
    create trigger note_refused_save after update on jobs referencing new table as saved
      for each statement execute function note_refused_save();`);
  return async () => {
    const { rows } = await database.query<{ count: number }>(
      "select count(*)::int as count from refused_saves",
    );
    return rows[0]?.count ?? 0;
  };
}
