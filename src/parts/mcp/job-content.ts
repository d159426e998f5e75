import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/server";
import { sentenceCase } from "change-case";

import { hasThumbnails } from "../../engine/files/thumbnail.ts";
import { type Asset, type KeptFile, NOT_KEPT } from "../../engine/job/asset.ts";
import { type Cost, unknownCost } from "../../engine/job/cost.ts";
import type { Estimate } from "../../engine/job/estimate.ts";
import type { HoldReason } from "../../engine/job/hold.ts";
import { findSeed, type InputIssue } from "../../engine/job/input.ts";
import type { Job } from "../../engine/job/job.ts";
import { isFinished } from "../../engine/job/job.ts";
import type { JsonObject } from "../../engine/job/json.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import type { Caller } from "../../engine/caller.ts";
import { toFileUrl } from "../../engine/files/file-urls.ts";
import { findCost } from "../../engine/use-cases/costs.ts";
import { findHold } from "../../engine/use-cases/held-jobs.ts";
import type { ToolContext } from "./tool.ts";
import { toResult } from "./tool.ts";
import { toIssues } from "./tool-error.ts";

/** The first files that an output names with the states of their copies, and how many it names. */
type FirstFiles = {
  readonly files: readonly (Asset & { readonly kept: KeptFile })[];
  readonly count: number;
};

const THUMBNAIL_WIDTH = 640;
const MAX_PICTURES = 4;
/** A WebP of that width is rarely a tenth of it. */
const MAX_PICTURE_BYTES = 1_048_576;
/** What a file takes beside its URL and path, with the gateway's URL of its copy; and what all of them do of an answer. */
const FILE_BYTES = 512;
/** They are written twice, the second time quoted in a text, and some are linked to. */
const WRITTEN = 4;

/** How long a job that has ended is held for the copies of its files, without which there are no pictures of it. */
export const FILES_PATIENCE_MS = 5_000;
/** After that no further picture is begun: the caller waits for a minute at most, and has waited for the job already. */
const PICTURES_PATIENCE_MS = 3_000;

/** What the gateway itself has to say of a job; nothing of the input may stand in the note. */
export type Notes = { readonly note?: string; readonly warnings?: readonly InputIssue[] };

/**
 * What a model sees of a job. What comes from a prompt or the upstream stands in the structured content alone, and in the
 * same as JSON: nothing else that a model reads can be written by them, but the addresses of files.
 */
export async function toJobResult(
  job: Job,
  context: ToolContext,
  { note = "", warnings = [] }: Notes = {},
): Promise<CallToolResult> {
  const found = await readFiles(job, context);
  const { files, count } = found;
  const isPending = note === "" && files.some(({ kept }) => kept.state === "PENDING");
  const notes = [isPending ? FILES_PENDING : note, files.length < count ? toPartNote(found) : ""];
  const next = notes.filter(Boolean).join(" ");
  const result = toResult({
    job: await describeJob(job, found, context),
    ...(next !== "" && { note: next }),
    ...(warnings.length > 0 && { warnings: toIssues(warnings) }),
  });
  const links = files.map((file, index) => toLink(file, index, context));
  const pictures = await readPictures(files, context);
  return { ...result, content: [...result.content, ...links, ...pictures] };
}

const FILES_PENDING =
  "Copies of its files are still being made. Call get_job in some seconds for their kept_url and pictures.";

function toPartNote({ files, count }: FirstFiles): string {
  return `It names the first ${files.length} of its ${count} files; a person can see all of them in the console.`;
}

/** A job without its files, as lists have it. */
export async function toBrief(job: Job, context: Caller): Promise<JsonObject> {
  const { reason: _, ...cost } = await readCost(job, context);
  return {
    id: job.id,
    status: job.status,
    deployment_id: job.deploymentId,
    created_at: job.createdAt.toISOString(),
    finished_at: job.finishedAt?.toISOString() ?? null,
    error: job.error && { ...job.error },
    cost,
  };
}

/** Without the members that are null, so that nobody takes one for nothing. */
export function toCost({ source, usd, minUsd, maxUsd, reason }: Cost) {
  return {
    source,
    ...(usd !== null && { usd }),
    ...(minUsd !== null && { min_usd: minUsd }),
    ...(maxUsd !== null && { max_usd: maxUsd }),
    ...(reason !== null && { reason }),
  };
}

/** What tools that show costs say of them. */
export const ABSENT_COST = "A cost or price without an amount is unknown, not free.";

/** All of a job but its pictures. */
export async function describeJob(
  job: Job,
  { files, count }: FirstFiles,
  context: Caller,
): Promise<JsonObject> {
  const { reads } = context;
  const estimate = await readEstimate(job, context);
  const hold = await readHold(job, context);
  const brief = await toBrief(job, context);
  const cost = await readCost(job, context);
  const seed = findSeed(isFinished(job) ? await reads.readDocument(job.id, "input") : null);
  // Pictures may take seconds, and it may be long until the answer is read.
  reads.clear();
  return {
    ...brief,
    cost,
    is_finished: isFinished(job),
    hold,
    queue_position: job.queuePosition,
    started_at: job.startedAt?.toISOString() ?? null,
    estimate: estimate && {
      finishes_at: new Date(estimate.finishesAt).toISOString(),
      finishes_by: new Date(estimate.finishesBy).toISOString(),
      progress: estimate.progress,
    },
    ...seed,
    assets: files.map(({ url, kind, path, kept }) => ({
      ...{ url, kept_url: toFileUrl(kept, context.engine.files.urls), path, kind },
      ...{ content_type: kept.contentType, width: kept.width, height: kept.height },
    })),
    asset_count: count,
  };
}

/** Null also while the database is unreachable: of a job that was just paid for, nothing may look like a refusal. */
export function readEstimate(job: Job, { engine }: Caller): Promise<Estimate | null> {
  return engine.learning.estimate(job).catch(() => null);
}

/** Unknown also while the database is unreachable, for the same reason. */
async function readCost(job: Job, context: Caller) {
  return toCost(await Promise.resolve(findCost(context, job)).catch(() => unknownCost(job)));
}

/** Why a job is HELD; null if it isn't, and also while the database is unreachable. */
export async function readHold(job: Job, context: Caller) {
  const hold = await findHold(context, job).catch(() => null);
  if (hold === null) return null;
  const { reason, until } = hold;
  return { reason, message: HOLDS[reason], until: until?.toISOString() ?? null };
}

const HOLDS: Readonly<Record<HoldReason, string>> = {
  APPROVAL: "Waits until somebody else approves it; it costs nothing before. Tell a person.",
  BY_HAND: "Waits until a person releases it; it costs nothing before.",
  PAUSED: "Waits because its deployment is paused; it costs nothing before.",
  SCHEDULED: "Waits for the time after which it may be sent; it costs nothing before.",
  OUTAGE: "Waits until RunComfy takes jobs again; it costs nothing before.",
  LIMIT: "Waits because its owner is at a limit; it costs nothing before.",
  TURN: "Waits for its turn to be sent to RunComfy; it costs nothing before.",
};

/** How a job waits, in words that are the gateway's own. */
export function toStateText({ status, queuePosition }: Job, estimate: Estimate | null): string {
  const leftMs = estimate && estimate.finishesAt - clock.now();
  const rest = leftMs === null ? "" : `; about ${Math.max(1, Math.round(leftMs / 1_000))} s left`;
  if (status === "IN_PROGRESS") return `Running${rest}`;
  if (status === "HELD") return "Waits in the gateway, and is not sent yet";
  if (status !== "IN_QUEUE") return status === "SUBMITTING" ? SUBMITTING : sentenceCase(status);
  return `In the queue${queuePosition === null ? "" : `, ${queuePosition} ahead`}${rest}`;
}

const SUBMITTING = "On its way to RunComfy";

/** Whether copies of its files are still on their way. */
export async function areFilesPending({ id, status }: Job, { engine }: Caller): Promise<boolean> {
  return status === "SUCCEEDED" && (await engine.store.files.findPending([id])).includes(true);
}

/** What an answer names of a job's files, if it has room for it. Rejects if it has none. */
export async function readFiles(
  { id, status }: Job,
  { engine, reads }: Caller,
): Promise<FirstFiles> {
  const { documents, files } = engine.store;
  const [found] = status === "SUCCEEDED" ? await documents.readFirstAssets([id]) : [];
  if (!found?.assets.length) return { files: [], count: found?.count ?? 0 };
  const sizes = found.assets.map(({ url, path }) => url.length + path.length + FILE_BYTES);
  reads.charge(WRITTEN * sizes.reduce((sum, bytes) => sum + bytes, 0));
  const [kept] = await files.readMany([id], found.assets.length);
  const toFile = (asset: Asset) => Object.assign({ kept: kept?.get(asset.url) ?? NOT_KEPT }, asset);
  return { files: found.assets.map(toFile), count: found.count };
}

function toLink(
  { url, kept }: FirstFiles["files"][number],
  index: number,
  context: Caller,
): ContentBlock {
  return {
    type: "resource_link",
    uri: toFileUrl(kept, context.engine.files.urls) ?? url,
    name: `file ${index + 1}`,
    ...(kept.contentType !== null && { mimeType: kept.contentType }),
  };
}

async function readPictures(
  files: FirstFiles["files"],
  { reads, readThumbnail }: ToolContext,
): Promise<ContentBlock[]> {
  const options = { width: THUMBNAIL_WIDTH, mostBytes: MAX_PICTURE_BYTES };
  const read = async (file: string): Promise<Buffer | null> => {
    const picture = await readThumbnail(file, options);
    // As text, which is written once more.
    reads.charge(3 * (picture?.length ?? 0));
    return picture;
  };
  const pictures: ContentBlock[] = [];
  const until = clock.monotonic() + PICTURES_PATIENCE_MS;
  // One after the other, as few are drawn at once.
  for (const { kept } of files.filter((file) => hasThumbnails(file.kept)).slice(0, MAX_PICTURES)) {
    if (clock.monotonic() > until) break;
    // One that can't be drawn at the moment, or has no room, is left out: its address is there all the same.
    const picture = kept.file && (await read(kept.file).catch(ignoreCoded));
    if (picture === null || picture === "") continue;
    const data = picture.toString("base64");
    pictures.push({ type: "image", data, mimeType: "image/webp" });
  }
  return pictures;
}

function ignoreCoded(error: unknown): null {
  if (error instanceof CodedError) return null;
  throw error;
}
