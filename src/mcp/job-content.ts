import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/server";

import { hasThumbnails } from "../files/thumbnail.ts";
import type { Asset, KeptFile } from "../job/asset.ts";
import { NOT_KEPT, toAssets } from "../job/asset.ts";
import type { Estimate } from "../job/estimate.ts";
import type { InputIssue } from "../job/input.ts";
import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonObject } from "../job/json.ts";
import { CodedError } from "../runtime/coded-error.ts";
import { clock } from "../runtime/environment.ts";
import type { GatewayContext } from "../schema/context.ts";
import { toResult } from "./tool.ts";
import { tellIssues } from "./tool-error.ts";

const THUMBNAIL_WIDTH = 640;
const MAX_PICTURES = 4;
/** A WebP of that width is rarely a tenth of it. */
const MAX_PICTURE_BYTES = 1_048_576;
/** Of each job; the structured content names all files. */
const MAX_LINKS = 100;

/** How long a job that has ended is held for the copies of its files, without which there are no pictures of it. */
export const FILES_PATIENCE_MS = 5_000;
/** After that no further picture is begun: whoever asks waits for a minute at most, and has waited for the job already. */
const PICTURES_PATIENCE_MS = 3_000;

/** Reads a smaller picture of a kept file as WebP; null where there is none, or none so small. */
export type ReadThumbnail = (
  file: string,
  options: { readonly width: number; readonly ownerId: string; readonly mostBytes: number },
) => Promise<Buffer | null>;

type File = Asset & { readonly kept: KeptFile };

/**
 * What a model is told of a job. What comes from a prompt or the upstream stands in the structured content alone, and in
 * the same as JSON: nothing else that a model reads can be written by them, but the addresses of files.
 */
export async function toJobResult(
  job: Job,
  context: GatewayContext,
  options: {
    /** Null shows no pictures. */
    readonly readThumbnail: ReadThumbnail | null;
    /** What the gateway itself has to say; nothing of the input may stand in it. */
    readonly note?: string | null;
    readonly warnings?: readonly InputIssue[];
  },
): Promise<CallToolResult> {
  const { readThumbnail, warnings = [] } = options;
  const files = await readFiles(job, context);
  const note = options.note ?? (files.some(isPending) ? FILES_PENDING : null);
  const told = await tellJob(job, files, context);
  const result = toResult({
    job: told,
    ...(note !== null && { note }),
    ...(warnings.length > 0 && { warnings: tellIssues(warnings) }),
  });
  // It is written twice, and quoted in a text.
  context.reads.charge(JSON.stringify(result).length);
  const links = files.slice(0, MAX_LINKS).map((file, index) => toLink(file, index, context));
  const pictures =
    readThumbnail === null ? [] : await readPictures(job, files, context, readThumbnail);
  return { ...result, content: [...result.content, ...links, ...pictures] };
}

const FILES_PENDING =
  "Copies of its files are still being made. Call get_job in some seconds for their kept_url and pictures.";

/** The same without its files, as lists tell it. */
export function tellBriefly(job: Job): JsonObject {
  return {
    id: job.id,
    status: job.status,
    deployment_id: job.deploymentId,
    created_at: job.createdAt.toISOString(),
    finished_at: job.finishedAt?.toISOString() ?? null,
    error: job.error && { ...job.error },
    cost_usd: job.cost,
  };
}

/** How a job waits, in words that are the gateway's own. */
export function toStateText(job: Job, estimate: Estimate | null, nowMs: number): string {
  const seconds = estimate && Math.max(1, Math.round((estimate.finishesAt - nowMs) / 1_000));
  const rest = seconds === null ? "" : `; about ${seconds} s left`;
  switch (job.status) {
    case "SUBMITTING":
      return "On its way to RunComfy";
    case "IN_QUEUE":
      return job.queuePosition === null
        ? `In the queue${rest}`
        : `In the queue, ${job.queuePosition} ahead${rest}`;
    case "IN_PROGRESS":
      return `Running${rest}`;
    case "SUCCEEDED":
      return "Succeeded";
    case "FAILED":
      return "Failed";
    case "CANCELLED":
      return "Cancelled";
  }
}

/** Whether copies of its files are still on their way. */
export async function areFilesPending(job: Job, { reads }: GatewayContext): Promise<boolean> {
  if (job.status !== "SUCCEEDED") return false;
  const kept = await reads.keptFiles.load(job.id);
  return [...kept.values()].some((one) => isPending({ kept: one }));
}

function isPending({ kept }: Pick<File, "kept">): boolean {
  return kept.state === "PENDING";
}

async function readFiles({ id, status }: Job, { reads }: GatewayContext): Promise<File[]> {
  if (status !== "SUCCEEDED") return [];
  const assets = toAssets(await reads.readDocument(id, "assets"));
  const kept = await reads.keptFiles.load(id);
  return assets.map((asset) => Object.assign({ kept: kept.get(asset.url) ?? NOT_KEPT }, asset));
}

async function tellJob(
  job: Job,
  files: readonly File[],
  context: GatewayContext,
): Promise<JsonObject> {
  // It is told without one while the database is away: of a job that was just paid for, nothing may look like a refusal.
  const estimate = await context.reads.estimate(job).catch(() => null);
  const input = isFinished(job) ? await context.reads.readDocument(job.id, "input") : null;
  return {
    ...tellBriefly(job),
    is_finished: isFinished(job),
    queue_position: job.queuePosition,
    started_at: job.startedAt?.toISOString() ?? null,
    estimate: estimate && {
      finishes_at: new Date(estimate.finishesAt).toISOString(),
      finishes_by: new Date(estimate.finishesBy).toISOString(),
      progress: estimate.progress,
    },
    ...findSeed(input),
    assets: files.map(({ url, kind, path, kept }) => ({
      url,
      kept_url: toKeptUrl(kept, context),
      path,
      kind,
      content_type: kept.contentType,
      width: kept.width,
      height: kept.height,
    })),
  };
}

function findSeed(input: JsonValue): { readonly seed?: JsonValue } {
  const seed = isJsonObject(input) && Object.hasOwn(input, "seed") ? input["seed"] : undefined;
  return typeof seed === "number" || typeof seed === "string" ? { seed } : {};
}

function toKeptUrl({ file }: KeptFile, { files }: GatewayContext): string | null {
  return file === null ? null : files.urls.create({ folder: "files", name: file, width: null });
}

function toLink({ url, kept }: File, index: number, context: GatewayContext): ContentBlock {
  return {
    type: "resource_link",
    uri: toKeptUrl(kept, context) ?? url,
    name: `file ${index + 1}`,
    ...(kept.contentType !== null && { mimeType: kept.contentType }),
  };
}

async function readPictures(
  { ownerId }: Job,
  files: readonly File[],
  { reads }: GatewayContext,
  readThumbnail: ReadThumbnail,
): Promise<ContentBlock[]> {
  const drawable = files.filter(({ kept }) => hasThumbnails(kept)).slice(0, MAX_PICTURES);
  const pictures: ContentBlock[] = [];
  const until = clock.monotonic() + PICTURES_PATIENCE_MS;
  // One after the other: each is drawn in the owner's own slot anyway.
  for (const { kept } of drawable) {
    if (clock.monotonic() > until) break;
    const options = { width: THUMBNAIL_WIDTH, ownerId, mostBytes: MAX_PICTURE_BYTES };
    const picture = kept.file === null ? null : await show(readThumbnail(kept.file, options));
    if (picture === null) continue;
    const data = picture.toString("base64");
    reads.charge(data.length);
    pictures.push({ type: "image", data, mimeType: "image/webp" });
  }
  return pictures;
}

/** A picture that can't be drawn at the moment is left out: its address is there all the same. */
async function show(reading: Promise<Buffer | null>): Promise<Buffer | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof CodedError) return null;
    throw error;
  }
}
