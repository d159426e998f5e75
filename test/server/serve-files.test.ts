import { Readable } from "node:stream";

import sharp from "sharp";
import { expect, test } from "vitest";

import type { FileStore } from "../../src/engine/files/file-store.ts";
import { DatabaseUnreachableError } from "../../src/engine/store/database-error.ts";
import { NO_FILES } from "../support/no-files.ts";
import { serve } from "./serve.ts";

async function serveFrom(
  store: Partial<FileStore>,
  {
    findOwner = NO_FILES.findOwner,
    endLease = NO_FILES.endLease,
    width = null,
  }: Partial<Pick<typeof NO_FILES, "findOwner" | "endLease">> & { width?: number | null } = {},
) {
  const files = { ...NO_FILES, store: { ...NO_FILES.store, ...store }, findOwner, endLease };
  const { url } = await serve({ files });
  const signed = new URL(files.urls.create({ folder: "files", name: "a.png", width }));
  return `${url}${signed.pathname}${signed.search}`;
}

const IN_BUCKET = "https://bucket.example.com/a.png?signed";

test("where S3 is public a file's URL leads there, for as long as browsers shall use the same one", async () => {
  const url = await serveFrom({ presign: async () => IN_BUCKET, size: async () => 5 });
  const { status, headers } = await fetch(url, { redirect: "manual" });
  expect([status, headers.get("location")]).toEqual([302, IN_BUCKET]);
  expect(headers.get("cache-control")).toBe("private, max-age=3600");
  // A presigned URL holds its method, so the gateway answers itself.
  const head = await fetch(url, { method: "HEAD", redirect: "manual" });
  expect([head.status, head.headers.get("content-length")]).toEqual([200, "5"]);
});

test("an empty file is answered", async () => {
  const response = await fetch(await serveFrom({ size: async () => 0 }));
  expect([response.status, await response.text()]).toEqual([200, ""]);
});

test("a file that can't be opened, or breaks off, leaves no request open", async () => {
  const failing = () => Promise.reject(new Error("too many files are open"));
  const refused = await fetch(await serveFrom({ size: async () => 5, open: failing }));
  expect(refused.status).toBe(503);
  const broken = new Readable({ read: () => void broken.destroy(new Error("the disk is gone")) });
  const open = async () => broken;
  const url = await serveFrom({ size: async () => 5, open });
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
});

test("a browser that has the file gets a 304, with the headers that a file has", async () => {
  const url = await serveFrom({ size: async () => 5 });
  const { status, headers } = await fetch(url, { headers: { "if-none-match": '"a.png"' } });
  expect(status).toBe(304);
  expect(headers.get("cross-origin-resource-policy")).toBe("cross-origin");
});

test("what was deleted is not found, wherever its bytes still are", async () => {
  const findOwner = async () => null;
  const store = { presign: async () => IN_BUCKET, size: async () => 5 };
  for (const width of [null, 64]) {
    const url = await serveFrom(store, { findOwner, width });
    for (const method of ["GET", "HEAD"]) {
      const { status, headers } = await fetch(url, { method, redirect: "manual" });
      expect([status, headers.get("cache-control")]).toEqual([404, "no-store"]);
    }
  }
});

test.each([
  ["that was deleted while it was made goes", true, 404, ["a.png"], []],
  ["stays", false, 200, ["a.png", "a.png.64.webp"], ["a.png.64.webp"]],
])("a thumbnail of a picture %s, too", async (_what, isDeleted, status, names, leasesEnded) => {
  const create = { width: 80, height: 60, channels: 3, background: "red" } as const;
  const picture = await sharp({ create }).png().toBuffer();
  const kept = new Set(["a.png"]);
  const ended: string[] = [];
  let isThere = true;
  const url = await serveFrom(
    {
      size: async (name) => (kept.has(name) ? 5 : null),
      open: async () => Readable.from([picture]),
      delete: async (name) => void kept.delete(name),
      draft: async () => ({
        path: "/nowhere",
        bytes: 5,
        async keepAs(name) {
          kept.add(name);
          isThere = !isDeleted;
        },
        [Symbol.asyncDispose]: async () => undefined,
      }),
    },
    {
      width: 64,
      findOwner: async () => (isThere ? "owner" : null),
      endLease: async (name) => void ended.push(name),
    },
  );
  expect((await fetch(url, { method: "HEAD" })).status).toBe(status);
  expect([[...kept], ended]).toEqual([names, leasesEnded]);
});

test("if nothing says whether a file was deleted, it can't be read at the moment", async () => {
  const findOwner = () => Promise.reject(new DatabaseUnreachableError({}));
  const { status, headers } = await fetch(await serveFrom({ size: async () => 5 }, { findOwner }));
  expect([status, headers.get("cache-control")]).toEqual([503, "no-store"]);
});
