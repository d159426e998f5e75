import { describe, expect, test } from "vitest";

import type { SignIn } from "../../src/auth/sign-ins.ts";
import type { Context } from "./store-jobs.ts";

const MOST = 3;

/** What every database promises of sign-ins. */
export function describeSignIns({ store, execute }: Context): void {
  const make = (hash: string, facts: Partial<SignIn> = {}): SignIn => ({
    hash,
    ownerId: "anna",
    scopes: ["jobs:read", "jobs:submit"],
    credential: { id: "k1", signedBy: "k1 digest", needsApproval: true },
    endsAt: Date.now() + 3_600_000,
    ...facts,
  });
  /** As if it were so much later. */
  const age = (ms: number) =>
    execute(`update sign_ins set created_at = created_at - ${ms}, ends_at = ends_at - ${ms}`);
  const open = (hash: string, facts: Partial<SignIn> = {}) =>
    store().signIns.open(make(hash, facts), MOST);
  const listOpen = async (...hashes: readonly string[]) =>
    (await store().signIns.listOpen(hashes)).toSorted();

  describe("sign-ins", () => {
    test("are found as they were opened, until they are ended", async () => {
      const { signIns } = store();
      const signIn = make("a");
      expect(await signIns.open(signIn, MOST)).toEqual([]);
      await open("b");
      expect(await signIns.find("a")).toEqual(signIn);
      expect(await signIns.find("A")).toBeNull();
      expect(await listOpen("a", "b", "c")).toEqual(["a", "b"]);
      expect(await listOpen()).toEqual([]);
      await signIns.end("a");
      await signIns.end("a");
      expect(await signIns.find("a")).toBeNull();
      expect(await listOpen("a", "b")).toEqual(["b"]);
    });

    test("are so many of an owner at most, of which the oldest goes, and of each owner by itself", async () => {
      await open("other", { ownerId: "Anna" });
      for (const hash of ["a", "b", "c"]) {
        expect(await open(hash)).toEqual([]);
        await age(5);
      }
      expect(await open("d")).toEqual(["a"]);
      expect(await listOpen("a", "b", "c", "d", "other")).toEqual(["b", "c", "d", "other"]);
      const many = Array.from({ length: 12 }, (_, index) => `m${index}`);
      const gone = await Promise.all(many.map((hash) => open(hash)));
      expect(gone.flat()).toHaveLength(many.length);
      expect(await listOpen(...many, "b", "c", "d")).toHaveLength(MOST);
    });

    test("end by themselves when they expire, and are deleted a batch at a time", async () => {
      const { signIns } = store();
      for (const hash of ["a", "b", "c"]) await open(hash, { endsAt: Date.now() + 60_000 });
      await open("later", { ownerId: "ben", endsAt: Date.now() + 600_000 });
      expect(await signIns.deleteExpired(2)).toBe(0);
      await age(61_000);
      expect(await signIns.find("a")).toBeNull();
      expect(await listOpen("a", "b", "c", "later")).toEqual(["later"]);
      expect(await signIns.deleteExpired(2)).toBe(2);
      expect(await signIns.deleteExpired(2)).toBe(1);
      expect(await signIns.deleteExpired(2)).toBe(0);
      expect(await listOpen("later")).toEqual(["later"]);
    });
  });
}
