import { addAbortSignal } from "node:stream";

import { readableOwner, requireScopes, type Viewer } from "../../auth/viewer.ts";
import type { Catalogue } from "../../engine/deployments/catalogue.ts";
import { type KeptFile, NOT_KEPT, toAssets } from "../../engine/job/asset.ts";
import type { Channels } from "../../engine/diagnostics/channels.ts";
import { JobNotFoundError } from "../../engine/job/errors.ts";
import { findSeed } from "../../engine/job/input.ts";
import { isFinished, isIdentifier, type Job } from "../../engine/job/job.ts";
import { LimitError } from "../../runtime/coded-error.ts";
import { chance, clock } from "../../runtime/environment.ts";
import { keepClaim } from "../../runtime/loop.ts";
import type { JobStore } from "../../engine/store/job-store.ts";
import type { FileStore } from "../../engine/files/file-store.ts";
import type { SignedUrls } from "../../engine/files/signed-urls.ts";
import type { DownloadRows } from "./download-rows.ts";
import { createDownloadRows } from "./download-rows.ts";
import { DownloadTooLargeError } from "./errors.ts";
import { writeZip, type ZipEntry } from "./write-zip.ts";

export const MAX_OF_DOWNLOAD = { jobs: 500, files: 500, bytes: 2_000_000_000 } as const;
const LIFE_MS = 10 * 60_000;
/** By the database's clock, which may be another than that of the URL. */
const ROW_LIFE_MS = 2 * LIFE_MS;
const CLAIM_MS = 30_000;
const RETRY_AFTER_SECONDS = 10;

/** Where a client gets a ZIP, and what will be in it. */
export type OpenDownload = {
  readonly url: string;
  readonly expiresAt: Date;
  readonly files: number;
  readonly bytes: number;
};

type Dependencies = {
  readonly store: Pick<JobStore, "jobs" | "documents" | "files" | "database" | "publish">;
  readonly files: {
    readonly store: Pick<FileStore, "open">;
    /** Null where nobody needs the file any more. */
    readonly findOwner: (file: string) => Promise<string | null>;
    readonly urls: Pick<SignedUrls, "create">;
  };
  readonly catalogue: Pick<Catalogue, "find">;
  readonly channels: Pick<Channels, "refused">;
};

/** Puts the kept files of jobs that an owner may read into one ZIP, which is made as it is sent. */
export class Downloads {
  readonly #store: Dependencies["store"];
  readonly #rows: DownloadRows;
  readonly #files: Dependencies["files"];
  readonly #catalogue: Dependencies["catalogue"];
  readonly #channels: Dependencies["channels"];

  constructor({ store, files, catalogue, channels }: Dependencies) {
    this.#store = store;
    this.#rows = createDownloadRows(store);
    this.#files = files;
    this.#catalogue = catalogue;
    this.#channels = channels;
  }

  /**
   * Makes a URL that is good for 10 minutes, for what the viewer may read now. Rejects with FORBIDDEN, with a
   * `DownloadTooLargeError`, and with a `JobNotFoundError` for what is no job's id.
   */
  async create(
    ids: readonly string[],
    viewer: Pick<Viewer, "ownerId" | "scopes">,
  ): Promise<OpenDownload> {
    requireScopes(viewer, "jobs:read");
    const jobIds = [...new Set(ids)];
    if (jobIds.length > MAX_OF_DOWNLOAD.jobs) throw new DownloadTooLargeError(MAX_OF_DOWNLOAD);
    const wrong = jobIds.find((id) => !isIdentifier(id));
    if (wrong !== undefined) throw new JobNotFoundError(wrong);
    const owner = readableOwner(viewer);
    const jobs = await this.#store.jobs.readMany(jobIds, owner);
    const found = jobs.flatMap((job) => job?.id ?? []);
    const kept = await this.#store.files.countKept(found, MAX_OF_DOWNLOAD.files);
    if (kept.files > MAX_OF_DOWNLOAD.files || kept.bytes > MAX_OF_DOWNLOAD.bytes)
      throw new DownloadTooLargeError(MAX_OF_DOWNLOAD);
    const id = chance.uuid();
    const { ownerId } = viewer;
    await this.#rows.create({ id, ownerId, jobIds, readsAll: owner === undefined }, ROW_LIFE_MS);
    const expires = Math.floor((clock.now() + LIFE_MS) / 1_000);
    const url = this.#files.urls.create({ folder: "downloads", name: id, width: null }, expires);
    return { url, expiresAt: new Date(expires * 1_000), ...kept };
  }

  /**
   * Begins one, which nobody else of its owner does on any gateway until it is disposed of. Null if there is none;
   * rejects with a `LimitError` while another one goes on.
   */
  async claim(id: string) {
    const claimed = await this.#rows.claim(id, CLAIM_MS);
    if (claimed === null) return null;
    if (claimed === false) {
      this.#channels.refused.publish("downloads");
      const details = { limitName: "downloads", code: "RATE_LIMITED", limit: 1 } as const;
      throw new LimitError(BUSY, { ...details, retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    const { ownerId, jobIds, readsAll } = claimed;
    const claimFor = (ms: number) => this.#rows.renewClaim(id, ms);
    const renewal = keepClaim(CLAIM_MS, () => claimFor(CLAIM_MS));
    return {
      /** The bytes of the ZIP, which reject where not all of a file is there. */
      read: async (signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> => {
        const found = await this.#store.jobs.readMany(jobIds, readsAll ? undefined : ownerId);
        const jobs = jobIds.map((one, index) => [one, found[index] ?? null] as const);
        return writeZip(this.#toEntries(jobs, signal));
      },
      async [Symbol.asyncDispose](): Promise<void> {
        await renewal.close();
        await claimFor(0).catch(() => undefined);
      },
    };
  }

  /** What made which file comes first; by then it is known which files follow. */
  async *#toEntries(jobs: Jobs, signal: AbortSignal): AsyncGenerator<ZipEntry> {
    const plan: Plan = { files: [], bytes: 0 };
    const modifiedAt = new Date(clock.now());
    yield { name: "jobs.json", modifiedAt, chunks: this.#describeJobs(jobs, plan) };
    for (const { name, kept, modifiedAt } of plan.files)
      yield { name, modifiedAt, chunks: this.#readWhole(kept, signal) };
  }

  async *#describeJobs(jobs: Jobs, plan: Plan): AsyncGenerator<Uint8Array> {
    let before = "[\n";
    for (const [id, job] of jobs) {
      await clock.nextTurn();
      const entry = job === null ? null : await this.#describeJob(job, plan);
      // A line each. Indented, an input that is nested deep would take sixty times its room.
      yield Buffer.from(before + JSON.stringify(entry ?? { id, files: [], why: GONE }));
      before = ",\n";
    }
    yield Buffer.from(jobs.length === 0 ? "[]\n" : "\n]\n");
  }

  /** Null if it has been deleted meanwhile. */
  async #describeJob(job: Job, plan: Plan) {
    const { id, deploymentId, status, createdAt, finishedAt, cost, error } = job;
    const input = await this.#store.documents.readInput(id);
    if (input === null) return null;
    const stored = await this.#store.documents.readText(id, "assets");
    const [kept = new Map<string, KeptFile>()] = await this.#store.files.readMany([id]);
    const assets = stored === null ? [] : toAssets(JSON.parse(stored));
    const name = this.#catalogue.find(deploymentId)?.name ?? deploymentId;
    return {
      id,
      deployment: { id: deploymentId, name },
      status,
      createdAt,
      finishedAt,
      input,
      ...findSeed(input),
      costUsd: cost,
      files: assets.map(({ url }) => {
        const { contentType, bytes, width, height, ...copy } = kept.get(url) ?? NOT_KEPT;
        const file = addToPlan(plan, { ...copy, bytes }, { at: createdAt, deployment: name });
        return file === null
          ? { file, url, why: copy.file === null ? toReason(copy) : IS_FULL }
          : { file, url, contentType, bytes, width, height };
      }),
      ...(assets.length === 0 && { why: error?.message ?? (isFinished(job) ? NONE : NOT_ENDED) }),
    };
  }

  /** Rejects where it is not all there: nobody is to take a part for the whole. */
  async *#readWhole({ file, bytes }: Whole, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    // As for any URL of a file: of a job that is deleted, nothing more is sent.
    const stream =
      (await this.#files.findOwner(file)) === null ? null : await this.#files.store.open(file);
    if (stream === null) throw new Error("A file of a download has been deleted.");
    // A read that waits for S3 would otherwise hold the claim of somebody who has left.
    const chunks: AsyncIterable<Uint8Array> = addAbortSignal(signal, stream);
    let left = bytes;
    for await (const chunk of chunks) {
      left -= chunk.length;
      yield chunk;
    }
    if (left !== 0) throw new Error("A file of a download has another size than it had.");
  }
}

/** By their ids; null if there is none that the owner may read. */
type Jobs = readonly (readonly [id: string, job: Job | null])[];

/** A file that is there. */
type Whole = { readonly file: string; readonly bytes: number };

type Plan = {
  readonly files: { readonly name: string; readonly kept: Whole; readonly modifiedAt: Date }[];
  bytes: number;
};

const MAX_STEM_LENGTH = 50;

/**
 * Gives the name that a file will have in the ZIP: its job's day, the deployment in letters that every system takes, and a
 * number. Null where it is not kept, or there is no room for it.
 */
function addToPlan(
  plan: Plan,
  { file, bytes }: Pick<KeptFile, "file" | "bytes">,
  { at, deployment }: { readonly at: Date; readonly deployment: string },
): string | null {
  if (file === null || bytes === null || plan.files.length === MAX_OF_DOWNLOAD.files) return null;
  if (plan.bytes + bytes > MAX_OF_DOWNLOAD.bytes) return null;
  const words = deployment
    .normalize("NFKD")
    .toLowerCase()
    .match(/[a-z\d]+/g) ?? ["job"];
  const stem = [toDay(at), ...words].join("-").slice(0, MAX_STEM_LENGTH);
  const number = String(plan.files.length + 1).padStart(3, "0");
  const name = `${stem}-${number}${file.slice(file.lastIndexOf("."))}`;
  plan.files.push({ name, kept: { file, bytes }, modifiedAt: at });
  plan.bytes += bytes;
  return name;
}

/** Such as `2026-11-29`. */
export function toDay(at: Date): string {
  return at.toISOString().slice(0, 10);
}

function toReason({ state, reason }: Pick<KeptFile, "state" | "reason">): string {
  if (state === "PENDING") return "Its copy is still being made. Download it again in a minute.";
  return reason ?? "No copy of it was asked for. Ask for one with keepOutputs, then download it.";
}

/** The same for another owner's, so that nobody learns of it. */
const GONE = "There is no such job, or it was deleted.";
const NONE = "Its output names no files.";
const NOT_ENDED = "The job has not ended. Download it again once it has.";
const IS_FULL = "The download has as much as one may have. Download this job by itself.";
const BUSY =
  "Another download of yours is under way, and one at a time is allowed. Wait until it has ended, or stop it, then open this link again.";
