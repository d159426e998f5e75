import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile, rename, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Readable } from "node:stream";

import { afterAll, describe, expect, onTestFinished, test } from "vitest";

import { FileStoreError } from "../../src/engine/files/file-store.ts";
import { openFileStore, parseFilesUrl } from "../../src/engine/files/open-file-store.ts";
import { NO_CREDENTIALS } from "../support/open-keeper.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { describeFileStore } from "./file-store.contract.ts";

const WITHOUT_ROWS = { credentials: NO_CREDENTIALS, files: { lease: async () => undefined } };
const HOUR_MS = 3_600_000;

function openIn(folder: string, databaseId = "db1") {
  return openFileStore({ url: `file:${folder}`, databaseId, ...WITHOUT_ROWS });
}

describe("the file store in a folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "runcomfy-graphql-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  describeFileStore({ open: (databaseId) => openIn(folder, databaseId) });
});

test("files are in a folder of the database, which only the gateway's user may enter", async () => {
  const folder = await createTemporaryFolder();
  const store = await openIn(`${folder}/a/b`);
  await using draft = await store.draft(Readable.from([Buffer.from("hello")]), { mostBytes: 9 });
  await draft.keepAs("a.txt", "text/plain");
  expect(await readFile(join(folder, "a/b/db1/a.txt"), "utf8")).toBe("hello");
  expect((await stat(join(folder, "a/b/db1"))).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, "a/b/db1/a.txt"))).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, "a/b/db1"))).toEqual([".drafts", "a.txt"]);
});

test("a database's id that could lead out of the folder is refused", async () => {
  const folder = await createTemporaryFolder();
  for (const databaseId of ["", "..", "a/b"]) {
    await expect(openIn(folder, databaseId)).rejects.toThrow(RangeError);
  }
  expect(await readdir(folder)).toEqual([]);
});

test("opening deletes the drafts of a gateway that was killed a day ago, and no younger ones", async () => {
  const folder = await createTemporaryFolder();
  const store = await openIn(folder);
  const write = async (hoursAgo: number) => {
    const draft = await store.draft(Readable.from([Buffer.from("a")]), { mostBytes: 1 });
    const time = new Date(Date.now() - hoursAgo * HOUR_MS);
    await utimes(draft.path, time, time);
    return draft.path;
  };
  const [, young] = [await write(25), await write(23)];
  await openIn(folder);
  expect(await readdir(join(folder, "db1/.drafts"))).toEqual([basename(young)]);
});

describe("a folder that can't be used is reported", () => {
  test("when it lies below a file", async () => {
    const folder = await createTemporaryFolder();
    await writeFile(join(folder, "file"), "");
    await expect(openIn(join(folder, "file/below"))).rejects.toThrow(
      /file\/below\/db1 lies below a file.*Name another folder/,
    );
  });

  test("when its disk is full, and what was kept is still there", async ({ skip }) => {
    const folder = await mountSmallDisk(skip);
    const store = await openIn(folder);
    await using small = await store.draft(Readable.from([Buffer.from("a")]), { mostBytes: 9 });
    await small.keepAs("small", "text/plain");
    const large = Readable.from(
      Array.from({ length: 64 }, () => Buffer.alloc(65_536)),
      { objectMode: false },
    );
    const failing = store.draft(large, { mostBytes: 1e9 });
    await expect(failing).rejects.toThrow(FileStoreError);
    await expect(failing).rejects.toThrow(/is on a full disk. Free some space/);
    expect(large.destroyed).toBe(true);
    expect(await readdir(join(folder, "db1/.drafts"))).toEqual([]);
    expect(await store.size("small")).toBe(1);
  });

  test("when it is read-only", async ({ skip }) => {
    const folder = await mountSmallDisk(skip);
    const store = await openIn(folder);
    execFileSync("/bin/mount", ["-o", "remount,ro", folder], { stdio: "ignore" });
    await expect(openIn(folder)).rejects.toThrow(/can't be written.*user write/);
    await expect(store.delete("a")).resolves.toBeUndefined();
  });

  test("when it is not mounted any more, instead of as files that were lost", async () => {
    const folder = await createTemporaryFolder();
    const store = await openIn(folder);
    await rename(join(folder, "db1"), join(folder, "elsewhere"));
    for (const use of [
      () => store.open("a"),
      () => store.size("a"),
      () => store.draft(Readable.from([]), { mostBytes: 1 }),
    ]) {
      await expect(use()).rejects.toThrow(/db1\S* is gone. Mount or restore it/);
    }
    await rename(join(folder, "elsewhere"), join(folder, "db1"));
    expect(await store.open("a")).toBeNull();
  });
});

const PLACES = `
  file:data/files s3://my-bucket s3://my.bucket_1/ s3://my-bucket/a/b-c_d.e/
  s3://my-bucket/a?endpoint=https://x.supabase.co/storage/v1/s3&region=auto
  s3://my-bucket?endpoint=http%3A%2F%2F127.0.0.1%3A9000`;
const NO_PLACES = `
  file: data/files https://my-bucket.s3.amazonaws.com s3:// s3://my-bucket/a/../b s3://my-bucket/.a
  s3://my-bucket//a s3://key:secret@my-bucket s3://my-bucket#a s3://my-bucket?zone=a
  s3://my-bucket?region=a/b s3://my-bucket?endpoint=minio:9000
  s3://my-bucket?endpoint=https://key:secret@host s3://my-bucket?endpoint=https://host/?a=b`;

test("a URL names a folder or a bucket, or no place for files", () => {
  for (const url of PLACES.trim().split(/\s+/)) expect(parseFilesUrl(url), url).not.toBeNull();
  for (const url of NO_PLACES.split(/\s+/)) expect(parseFilesUrl(url), url).toBeNull();
});

test("a URL that names no place is refused with what to write", async () => {
  const url = "ftp://me:s3cret@host";
  const opening = openFileStore({ url, databaseId: "a", ...WITHOUT_ROWS });
  await expect(opening).rejects.toThrow(/names no place for files. Write file:<folder> or s3:/);
  await expect(opening).rejects.not.toThrow(/s3cret/);
});

/** A disk of one megabyte. */
async function mountSmallDisk(skip: (reason: string) => never): Promise<string> {
  const folder = await createTemporaryFolder();
  try {
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "none", folder], {
      stdio: "ignore",
    });
  } catch {
    skip("only root may mount a small disk");
  }
  onTestFinished(() => void execFileSync("/bin/umount", [folder]));
  return folder;
}
