import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";

import { describe, expect, onTestFinished, test } from "vitest";

import { type FileStore, FileTooLargeError } from "../../src/engine/files/file-store.ts";

const NO_NAMES = ["", "..", "../a", "a/b", "/etc", ".drafts", "-a", "a\0", "a%2fb", "a?b", "é"];

/** What every place for files promises. */
export function describeFileStore(context: {
  /** Opens the same place for the files of one database. */
  open(databaseId: string): Promise<FileStore>;
}): void {
  async function open(databaseId = randomUUID().replaceAll("-", "")): Promise<FileStore> {
    const store = await context.open(databaseId);
    onTestFinished(() => store.close());
    return store;
  }

  async function keep(store: FileStore, name: string, content: string): Promise<void> {
    await using draft = await store.draft(toStream(content), { mostBytes: 1_000 });
    await draft.keepAs(name, "text/plain");
  }

  async function read(store: FileStore, name: string): Promise<string | null> {
    const stream = await store.open(name);
    return stream && (await text(stream));
  }

  describe("a kept file", () => {
    test("is read as it was written, under every name that the rule allows", async () => {
      const store = await open();
      const names = ["a", "A-b_c.9", "0..", `${"a".repeat(124)}.png`];
      for (const name of names) await keep(store, name, `this is ${name}`);
      for (const name of names) expect(await read(store, name)).toBe(`this is ${name}`);
    });

    test("can be read in part", async () => {
      const store = await open();
      await keep(store, "a", "0123456789");
      for (const part of ["01", "3456", "9", "0123456789"]) {
        const range = { from: Number(part.at(0)), to: Number(part.at(-1)) };
        const stream = await store.open("a", range);
        expect(stream && (await text(stream))).toBe(part);
      }
    });

    test("has a size, is replaced by another of its name, and is gone once it is deleted", async () => {
      const store = await open();
      await keep(store, "a", "twelve bytes");
      await keep(store, "ab", "");
      expect(await store.size("a")).toBe(12);
      await keep(store, "a", "new");
      expect(await read(store, "a")).toBe("new");
      await store.delete("a");
      await store.delete("a");
      expect([await store.open("a"), await store.size("a")]).toEqual([null, null]);
      expect([await store.size("ab"), await read(store, "ab")]).toEqual([0, ""]);
    });

    test("is another database's only there", async () => {
      const [mine, other] = [await open("mine"), await open("mine2")];
      await keep(mine, "a", "mine");
      expect(await other.open("a")).toBeNull();
      await other.delete("a");
      await keep(other, "a", "other");
      expect(await read(mine, "a")).toBe("mine");
      await mine.delete("a");
      expect(await read(other, "a")).toBe("other");
    });
  });

  describe("a draft", () => {
    test("can be read from the disk, and under no name before it is kept", async () => {
      const store = await open();
      await using draft = await store.draft(toStream("a draft"), { mostBytes: 7 });
      expect(draft.bytes).toBe(7);
      expect(await readFile(draft.path, "utf8")).toBe("a draft");
      expect(await store.open("a")).toBeNull();
      expect(await store.open(basename(draft.path))).toBeNull();
      await draft.keepAs("a", "text/plain");
      expect(await read(store, "a")).toBe("a draft");
    });

    test("is deleted with what owns it, unless it was kept", async () => {
      const store = await open();
      for (const name of [null, "b"]) {
        const draft = await store.draft(toStream("b"), { mostBytes: 1 });
        if (name !== null) await draft.keepAs(name, "text/plain");
        await draft[Symbol.asyncDispose]();
        await draft[Symbol.asyncDispose]();
        expect(await readdir(dirname(draft.path))).toEqual([]);
      }
      expect(await read(store, "b")).toBe("b");
    });

    test("leaves nothing when its stream fails half-way, and rejects with the stream's own error", async () => {
      const store = await open();
      const folder = await findDrafts(store);
      const error = new Error("the sender is gone");
      async function* fail() {
        yield Buffer.from("half");
        throw error;
      }
      for (const stream of [fail(), Readable.from(fail(), { objectMode: false })]) {
        await expect(store.draft(stream, { mostBytes: 1_000 })).rejects.toBe(error);
        expect(await readdir(folder)).toEqual([]);
      }
    });

    test("leaves nothing when it is too large, and reads no further", async () => {
      const store = await open();
      const folder = await findDrafts(store);
      let given = 0;
      let isStopped = false;
      async function* endless() {
        try {
          for (;;) yield Buffer.alloc((given += 1) && 10);
        } finally {
          isStopped = true;
        }
      }
      const error = await store.draft(endless(), { mostBytes: 39 }).catch((reason) => reason);
      expect(error).toBeInstanceOf(FileTooLargeError);
      expect(error).toMatchObject({ mostBytes: 39 });
      expect([given, isStopped]).toEqual([4, true]);
      expect(await readdir(folder)).toEqual([]);
    });
  });

  test("a name that could lead elsewhere is refused before anything is touched", async () => {
    const store = await open();
    await using draft = await store.draft(toStream("a"), { mostBytes: 1 });
    const options = { expiresInSeconds: 1, contentType: "a/b", contentDisposition: "inline" };
    for (const name of [...NO_NAMES, "a".repeat(129)])
      for (const use of [
        () => store.open(name),
        () => store.size(name),
        () => store.delete(name),
        () => draft.keepAs(name, "text/plain"),
        async () => store.presign?.(name, options) ?? Promise.reject(new RangeError("can't name")),
      ]) {
        const error = await use().catch((reason: unknown) => reason);
        expect(error, name).toBeInstanceOf(RangeError);
        expect(String(error)).toMatch(/can't name/);
      }
    expect(await readFile(draft.path, "utf8")).toBe("a");
  });
}

/** Where drafts are, which then has none. */
async function findDrafts(store: FileStore): Promise<string> {
  await using draft = await store.draft(toStream(""), { mostBytes: 0 });
  return dirname(draft.path);
}

async function* toStream(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content.slice(0, content.length / 2));
  yield Buffer.from(content.slice(content.length / 2));
}
