import { join, resolve } from "node:path";
import { Readable } from "node:stream";

import type { Files } from "../store/files.ts";
import { checkFileName, type FileStore, FileStoreError } from "./file-store.ts";
import { openFolderStore } from "./folder-store.ts";
import type { openS3Store, S3Credentials, S3Location } from "./s3-store.ts";

const LEASE_MS = 60 * 60_000;
/** A file may take so long to be written: S3 has time for 50 KB/s, and is asked three times. */
const SLOWEST_BYTES_PER_MS = 10;

/**
 * Opens the store of files, makes its folder where it does not exist, and checks that files can be kept. A row names each
 * file before it is written, so that what a crash leaves is found and deleted. Rejects with a `FileStoreError`.
 */
export async function openFileStore(options: {
  /** `file:<folder>` (relative to the working directory) or `s3://bucket/prefix?endpoint=https://…&region=…`. */
  readonly url: string;
  /** Names a folder of its own, so that databases that share a location never touch each other's files. */
  readonly databaseId: string;
  /** A bucket is opened with these. */
  readonly credentials: S3Credentials;
  readonly files: Pick<Files, "lease">;
}): Promise<FileStore> {
  const { credentials, files } = options;
  const databaseFolder = checkFileName(options.databaseId);
  const location = parseFilesUrl(options.url);
  if (location === null) {
    throw new FileStoreError(
      "FILES_URL names no place for files. Write file:<folder> or s3://bucket/prefix?endpoint=https://…&region=….",
    );
  }
  const store =
    location.kind === "s3"
      ? await openBucket({ location, folder: `${location.folder}${databaseFolder}/`, credentials })
      : await openFolderStore(join(location.folder, databaseFolder));
  try {
    await checkWriting(store);
  } catch (error) {
    await store.close();
    throw error;
  }
  return {
    ...store,
    async draft(bytes, limits) {
      const draft = await store.draft(bytes, limits);
      return {
        ...draft,
        async keepAs(name, contentType) {
          await files.lease(name, LEASE_MS + Math.ceil(draft.bytes / SLOWEST_BYTES_PER_MS));
          await draft.keepAs(name, contentType);
        },
      };
    },
  };
}

/** Loads what speaks S3, only where it is wanted. */
const openBucket: typeof openS3Store = async (options) =>
  await (await import("./s3-store.ts")).openS3Store(options);

/** Writes as keeping a file does: permissions don't show a full disk, nor credentials what they may do. */
async function checkWriting(store: FileStore): Promise<void> {
  await using draft = await store.draft(Readable.from([]), { mostBytes: 0 });
  await draft.keepAs("check", "application/octet-stream");
  await store.delete("check");
}

/** `folder` is that of all databases: a path, or what keys begin with. */
type Location =
  | { readonly kind: "folder"; readonly folder: string }
  | ({ readonly kind: "s3"; readonly folder: string } & S3Location);

/** A bucket and a prefix of letters that need no escape, without `.` and `..`. */
const S3_URL = /^s3:\/\/([a-z\d][\w.-]{2,62})\/?((?:(?<=\/)[\w-][\w.-]*\/?)*)(?:\?(.*))?$/i;

/** Reads FILES_URL; null where it names neither a folder nor a bucket. */
export function parseFilesUrl(text: string): Location | null {
  if (/^file:./.test(text)) return { kind: "folder", folder: resolve(text.slice("file:".length)) };
  const [, bucket, prefix = "", query = ""] = S3_URL.exec(text) ?? [];
  const {
    region = "us-east-1",
    endpoint = `https://s3.${region}.amazonaws.com`,
    ...others
  } = Object.fromEntries(new URLSearchParams(query));
  const url = URL.parse(endpoint);
  if (bucket === undefined || url === null || Object.keys(others).length > 0) return null;
  // A longer endpoint is meant to be used whole.
  const isPlain = url.href === url.origin + url.pathname && /^https?:$/.test(url.protocol);
  if (!isPlain || !/^[a-z\d-]+$/.test(region)) return null;
  return {
    kind: "s3",
    bucket,
    folder: prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`,
    region,
    endpoint: url.href.replace(/\/$/, ""),
  };
}
