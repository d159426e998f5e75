import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { BaseLogger } from "pino";

import type { Config } from "../config/load-config.ts";
import type { JobStore } from "../store/job-store.ts";
import { createQuota } from "../tracking/quota.ts";
import { createFetchFile } from "./fetch-file.ts";
import { FileStoreError } from "./file-store.ts";
import { startFileUpkeep } from "./file-upkeep.ts";
import { startKeeper } from "./keep-outputs.ts";
import { hasFolderOf, openFileStore } from "./open-file-store.ts";
import { createKeepOutputs } from "./request-keep.ts";
import { createSignedUrls } from "./signed-urls.ts";
import { createThumbnails } from "./thumbnail.ts";
import { createUploadService } from "./uploads.ts";

/** RunComfy may fetch a file until the job's deadline, by a clock that is not ours. */
const URL_MARGIN_SECONDS = 3_600;

/** Opens all that has to do with files. Rejects with a `FileStoreError`. */
export async function openFiles({
  store,
  config,
  upstreamOrigin,
  publicUrl,
  log,
  now = Date.now,
}: {
  readonly store: JobStore;
  readonly config: Pick<Config, "files" | "upstream" | "jobDeadlineSeconds">;
  /** Where a sandbox serves its pictures. */
  readonly upstreamOrigin: string;
  /** The gateway's address as others see it. */
  readonly publicUrl: () => string;
  readonly log: BaseLogger;
  readonly now?: () => number;
}) {
  const { files: settings } = config;
  const isSandbox = config.upstream.kind === "sandbox";
  await using opening = new AsyncDisposableStack();
  const url = settings.url ?? `file:${await openTemporaryFolder(opening)}`;
  const place = await store.files.readPlace();
  const where = { url, databaseId: place.folder };
  // What one gateway writes all have to see.
  if (store.isShared && place.isMade && !(await hasFolderOf(where)))
    throw new FileStoreError(ELSEWHERE);
  const fileStore = await openFileStore({ ...where, credentials: settings.credentials });
  opening.defer(() => fileStore.close());
  await store.files.noteMade();
  const urls = createSignedUrls({ key: place.key, publicUrl, now });
  const uploads = createUploadService({
    uploads: store.uploads,
    store: fileStore,
    urls,
    quota: createQuota({ quotas: store.quotas, log }),
    publicUrl,
    isSandbox,
    mostBytes: settings.uploadBytes,
    isMetadataStripped: settings.isMetadataStripped,
    urlSeconds: config.jobDeadlineSeconds + URL_MARGIN_SECONDS,
    now,
    log,
  });
  const keeper = startKeeper({
    files: store.files,
    store: fileStore,
    fetchFile: createFetchFile({ trustedOrigins: isSandbox ? [upstreamOrigin] : [] }),
    mostBytes: settings.keepBytes,
    random: Math.random,
    log,
  });
  opening.defer(() => keeper.close());
  const upkeep = startFileUpkeep({
    files: store.files,
    uploads: store.uploads,
    store: fileStore,
    now,
    log,
  });
  opening.defer(() => upkeep.close());
  // Before those who use it, which wait for its calls.
  opening.defer(() => fileStore.close());
  const opened = opening.move();
  return {
    store: fileStore,
    thumbnails: createThumbnails({ atOnce: 2 }),
    urls,
    uploads,
    publicUrl: settings.publicUrl,
    keepOutputs: createKeepOutputs({ store, onKeep: keeper.wake }),
    /** Says that there are files to keep; undefined where outputs are not kept. */
    onKeep: settings.areOutputsKept ? keeper.wake : undefined,
    close: () => opened.disposeAsync(),
  };
}

async function openTemporaryFolder(opening: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "runcomfy-graphql-"));
  opening.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const ELSEWHERE =
  "FILES_URL leads to another folder than the one in which the other gateways of this Postgres keep files. Mount that folder here, or let all of them use s3://. If its files are lost, make the folder that the table file_places names.";
