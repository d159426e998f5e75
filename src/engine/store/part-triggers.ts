import { type Kysely, sql } from "kysely";

import { SetupError } from "../../runtime/coded-error.ts";
import type { Database, Trigger } from "./database.ts";
import type { PartTables } from "./migrations.ts";
import type { Tables } from "./tables.ts";

type PartTrigger = { readonly part: string; readonly trigger: Trigger };

/**
 * What a part writes with every change is written by its triggers, for all gateways of the database alike. So which triggers
 * there are is stored, and only a gateway that is alone there changes them. Rejects with a `SetupError` where it is not.
 */
export async function changeTriggers(
  transaction: Kysely<Tables>,
  database: Database,
  parts: readonly PartTables[],
): Promise<void> {
  const wanted = toTriggers(database, parts);
  const { missing, superfluous } = await compare(transaction, wanted);
  if (missing.length === 0 && superfluous.length === 0) return;
  if (!(await database.lockOutGateways(transaction)))
    throw new SetupError(describeOthers(toParts(missing), toParts(superfluous)));
  for (const { name } of superfluous) {
    for (const statement of database.dropTrigger(name)) await statement.execute(transaction);
    await sql`delete from part_triggers where name = ${name}`.execute(transaction);
  }
  for (const { part, trigger } of missing) {
    for (const statement of database.createTrigger(trigger)) await statement.execute(transaction);
    await transaction.insertInto("part_triggers").values({ part, name: trigger.name }).execute();
  }
}

/**
 * Rejects with a `SetupError` where a gateway that found itself alone has changed the triggers. Others can't from when this
 * one shares the lock of gateways, so it comes after that.
 */
export async function checkTriggers(
  database: Database,
  parts: readonly PartTables[],
): Promise<void> {
  const { missing, superfluous } = await compare(database.queries, toTriggers(database, parts));
  if (missing.length > 0 || superfluous.length > 0)
    throw new SetupError(describeOthers(toParts(missing), toParts(superfluous)));
}

function toTriggers(database: Database, parts: readonly PartTables[]): readonly PartTrigger[] {
  return parts.flatMap(({ name: part, triggers }) =>
    (triggers?.(database) ?? []).map((trigger) => ({ part, trigger })),
  );
}

async function compare(queries: Kysely<Tables>, wanted: readonly PartTrigger[]) {
  const stored = await queries.selectFrom("part_triggers").selectAll().execute();
  const storedNames = new Set(stored.map(({ name }) => name));
  const wantedNames = new Set(wanted.map(({ trigger }) => trigger.name));
  return {
    missing: wanted.filter(({ trigger }) => !storedNames.has(trigger.name)),
    superfluous: stored.filter(({ name }) => !wantedNames.has(name)),
  };
}

function toParts(triggers: readonly { readonly part: string }[]): string {
  return [...new Set(triggers.map(({ part }) => part))].join(", ");
}

function describeOthers(on: string, off: string): string {
  const here = [
    ...(on === "" ? [] : [`has ${on} on`]),
    ...(off === "" ? [] : [`has ${off} off`]),
  ].join(" and ");
  return `This gateway ${here}, unlike another one on the same database, and what such a part writes is written by all or by none. Give all gateways of the database the same settings and version: stop all of them, then start them again.`;
}
