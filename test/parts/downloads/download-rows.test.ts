import { randomUUID } from "node:crypto";

import { describe, expect, test } from "vitest";

import { createDownloadRows } from "../../../src/parts/downloads/download-rows.ts";
import { usePostgres, useSqlite } from "../../store/store-context.ts";
import type { Context } from "../../store/store-jobs.ts";

const LIFE_MS = 60_000;
const EMPTY = "delete from downloads";

describe("downloads on SQLite", () => {
  describeRows(useSqlite(EMPTY));
});
describe("downloads on Postgres", () => {
  describeRows(usePostgres(EMPTY));
});

function describeRows({ store, execute }: Context): void {
  const rows = () => createDownloadRows(store());
  const jobIds = ["job_1", "job_2"];
  const create = async (ownerId = `o-${randomUUID()}`, readsAll = false) => {
    const download = { id: randomUUID(), ownerId, jobIds, readsAll };
    await rows().create(download, LIFE_MS);
    return download;
  };
  const claim = (id: string) => rows().claim(id, 30_000);

  test("are claimed one at a time of an owner, also at once, until the claim has ended", async () => {
    const first = await create();
    const second = await create(first.ownerId);
    const other = await create(undefined, true);
    const claims = await Promise.all([claim(first.id), claim(second.id), claim(first.id)]);
    expect(claims.filter((one) => one !== false)).toHaveLength(1);
    expect(await claim(other.id)).toEqual(other);
    for (const { id } of [first, second]) expect(await claim(id)).toBe(false);
    const claimed = claims[1] === false ? first : second;
    await rows().renewClaim(claimed.id, 0);
    expect(await claim(second.id)).toEqual(second);
    await execute("update downloads set claimed_until = claimed_until - 20000");
    await rows().renewClaim(second.id, 30_000);
    await execute("update downloads set claimed_until = claimed_until - 20000");
    expect(await claim(first.id)).toBe(false);
    await execute("update downloads set claimed_until = claimed_until - 20000");
    expect(await claim(first.id)).toEqual(first);
    expect(await claim(randomUUID())).toBeNull();
  });

  test("are forgotten when they have ended, and the oldest where an owner has many, but for what is claimed", async () => {
    const first = await create();
    const { ownerId } = first;
    await claim(first.id);
    const second = await create(ownerId);
    await execute(`update downloads set expires_at = expires_at - 1 where id = '${second.id}'`);
    const third = await create(ownerId);
    for (let count = 0; count < 19; count += 1) await create(ownerId);
    expect(await claim(first.id)).toBe(false);
    expect(await claim(second.id)).toBeNull();
    expect(await claim(third.id)).toBe(false);
    await execute("update downloads set expires_at = expires_at - 60000");
    await create();
    expect(await claim(first.id)).toBe(false);
    expect(await claim(third.id)).toBeNull();
  });
}
