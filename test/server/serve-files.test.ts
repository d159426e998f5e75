import { Readable } from "node:stream";

import { expect, test } from "vitest";

import type { FileStore } from "../../src/files/file-store.ts";
import { NO_FILES } from "../support/no-files.ts";
import { serve } from "./serve.ts";

async function serveFrom(store: Partial<FileStore>) {
  const files = { ...NO_FILES, store: { ...NO_FILES.store, ...store } };
  const { url } = await serve({ files });
  const signed = new URL(files.urls.create({ folder: "files", name: "a.png", width: null }));
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
  const open = async () => ({ bytes: 5, stream: broken });
  const url = await serveFrom({ size: async () => 5, open });
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
});

test("a browser that has the file is told so, with the headers that a file has", async () => {
  const url = await serveFrom({ size: async () => 5 });
  const { status, headers } = await fetch(url, { headers: { "if-none-match": '"a.png"' } });
  expect(status).toBe(304);
  expect(headers.get("cross-origin-resource-policy")).toBe("cross-origin");
});
