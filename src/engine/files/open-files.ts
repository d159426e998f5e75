import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";

import DataLoader from "dataloader";
import type { BaseLogger } from "pino";

import type { Config } from "../../config/load-config.ts";
import { clock } from "../../runtime/environment.ts";
import { publicUrlProblem } from "../../runtime/public-address.ts";
import { isOfSandbox } from "../job/upstream.ts";
import type { Files } from "../store/files.ts";
import type { JobStore } from "../store/job-store.ts";
import { createQuota } from "../tracking/quota.ts";
import { createFetchFile, FetchFileError } from "./fetch-file.ts";
import { type FileStore, FileStoreError } from "./file-store.ts";
import { startCleanup } from "./cleanup.ts";
import { createFileName } from "./detect-file.ts";
import { Keeper } from "./keep-outputs.ts";
import { openFileStore } from "./open-file-store.ts";
import { createSignedUrls } from "./signed-urls.ts";
import { createUploadService } from "./uploads.ts";

/** RunComfy may fetch a file until the job's deadline, by a clock that is not ours. */
const URL_MARGIN_SECONDS = 3_600;

/** Opens all that has to do with files. Rejects with a `FileStoreError`. */
export async function openFiles({
  store,
  config,
  upstreamOrigin,
  log,
}: {
  readonly store: JobStore;
  readonly config: Pick<Config, "files" | "upstream" | "jobDeadlineSeconds">;
  /** Where a sandbox serves its pictures. */
  readonly upstreamOrigin: string;
  readonly log: BaseLogger;
}) {
  const { files: settings } = config;
  const isSandbox = config.upstream.kind === "sandbox";
  await using opening = new AsyncDisposableStack();
  const url = settings.url ?? `file:${await openTemporaryFolder(opening)}`;
  const { files, uploads: rows, signIns } = store;
  const { folder, key, marker } = await files.readPlace();
  const { credentials } = settings;
  const opened = await openFileStore({ url, databaseId: folder, credentials, files });
  opening.defer(() => opened.close());
  const fileStore = { ...opened, presign: (await isInPublic(opened)) ? opened.presign : null };
  await checkMarker(marker, { files, store: fileStore });
  let listensAt = "";
  const publicUrl = () => settings.publicUrl ?? listensAt;
  const urls = createSignedUrls({ key, publicUrl });
  const uploads = createUploadService({
    uploads: rows,
    store: fileStore,
    urls,
    quota: createQuota({ quotas: store.quotas, log }),
    publicUrl,
    isSandbox,
    mostBytes: settings.uploadBytes,
    isMetadataStripped: settings.isMetadataStripped,
    urlSeconds: config.jobDeadlineSeconds + URL_MARGIN_SECONDS,
  });
  const fetchPublic = createFetchFile({ trustedOrigins: [] });
  const fetchFromSandbox = createFetchFile({ trustedOrigins: [upstreamOrigin] });
  const keeper = new Keeper({
    files,
    store: fileStore,
    async *fetchFile(from, { upstream, ...options }) {
      if (!isOfSandbox(upstream)) return yield* fetchPublic(from, options);
      if (!isSandbox) throw new FetchFileError(SANDBOX_IS_OFF);
      yield* fetchFromSandbox(from, options);
    },
    mostBytes: settings.keepBytes,
    log,
  });
  opening.defer(() => keeper.close());
  const cleanup = startCleanup({ files, uploads: rows, signIns, store: fileStore, log });
  opening.defer(() => cleanup.close());
  // Closed before those who use it, which wait for its calls.
  opening.defer(() => opened.close());
  const findOwner = createFindOwner(files);
  const all = opening.move();
  return {
    store: fileStore,
    /** What all gateways of the database sign with. */
    key,
    urls,
    /** Where RunComfy says that a job has ended, on any gateway of the database. */
    toUpstreamWebhookUrl: (jobId: string) =>
      urls.create(
        { folder: "upstream-webhooks", name: jobId, width: null },
        Math.floor(clock.now() / 1_000) + config.jobDeadlineSeconds + URL_MARGIN_SECONDS,
      ),
    uploads,
    findOwner,
    /** Lets a file stay that no row names, such as a thumbnail. */
    endLease: (name: string) => files.forgetDeletions([name]),
    publicUrl: settings.publicUrl,
    /** Says where the gateway listens, which is in the URLs of files unless there is a `publicUrl`. */
    serveAt(url: string): void {
      listensAt = url;
    },
    keeper,
    /** Notifies the keeper of files to keep; undefined where outputs are not kept. */
    onKeep: settings.areOutputsKept ? keeper.wake : undefined,
    /** Notifies the cleanup of deleted jobs, whose files go too. */
    onDelete: cleanup.wake,
    close: () => all.disposeAsync(),
  };
}

/** Finds the id of the owner of a file; null where nobody needs it any more, as after a deletion on any gateway. */
export type FindOwner = (name: string) => Promise<string | null>;

/**
 * Asks the database for each request: only that knows what other gateways have deleted a moment ago. One statement is under
 * way at a time, and all who ask meanwhile share the next, so that a page full of pictures costs a few.
 */
export function createFindOwner(files: Pick<Files, "findOwners">): FindOwner {
  let reading: Promise<unknown> = Promise.resolve();
  const loader = new DataLoader<string, string | null>(
    async (names) => {
      const found = files.findOwners(names);
      reading = found;
      const owners = await found;
      return names.map((name) => owners.get(name) ?? null);
    },
    {
      // An answer may be wrong the next time.
      cache: false,
      batchScheduleFn: (dispatch) => void Promise.allSettled([reading]).then(dispatch),
    },
  );
  return (name) => loader.load(name);
}

/**
 * Makes sure that the store is the database's own: a file in it has the name that the database remembers. Where a disk is
 * not mounted, or another bucket is named, every file would seem to be gone.
 */
async function checkMarker(
  known: string | null,
  { files, store }: { readonly files: Files; readonly store: FileStore },
): Promise<void> {
  let marker = known;
  if (marker === null) {
    const mine = createFileName("place");
    await using draft = await store.draft(Readable.from([]), { mostBytes: 0 });
    await draft.keepAs(mine, "application/octet-stream");
    marker = await files.claimMarker(mine);
  }
  if ((await store.size(marker)) === null) throw new FileStoreError(ELSEWHERE);
}

/** Whether others can read what it signs: an S3 on a private network answers the gateway alone. */
async function isInPublic({ presign }: FileStore): Promise<boolean> {
  const options = { expiresInSeconds: 1, contentType: "", contentDisposition: "" };
  return presign !== null && publicUrlProblem(await presign("probe", options)) === null;
}

async function openTemporaryFolder(opening: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "runcomfy-graphql-"));
  opening.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const SANDBOX_IS_OFF =
  "The file is the sandbox's, which is not running. Start the gateway with UPSTREAM=sandbox; the file is tried again for six days.";

const ELSEWHERE =
  "FILES_URL leads to another place than the one in which this database keeps its files: a disk that is not mounted, or another folder or bucket than the other gateways'. Correct it. If the files are lost, say so with: update file_places set marker = null";
