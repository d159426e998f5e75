import { toFileUrl, toThumbnailUrl } from "../../engine/files/file-urls.ts";
import type { AssetKind, JobAsset, KeepState, KeptFile } from "../../engine/job/asset.ts";
import { NOT_KEPT } from "../../engine/job/asset.ts";
import { JobNotFinishedError, JobNotFoundError } from "../../engine/job/errors.ts";
import { keepOutputs } from "../../engine/use-cases/keep-outputs.ts";
import type { Builder } from "./builder.ts";
import type { GatewayContext } from "./context.ts";

/** How long the upstream keeps a file. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1_000;

const KEEP_STATES: Readonly<Record<KeepState, { readonly description: string }>> = {
  NOT_KEPT: { description: "No copy was requested. `keepOutputs` requests one." },
  PENDING: { description: "The copy is being made, or will be." },
  KEPT: { description: "The copy is available." },
  FAILED: { description: "It could not be copied. `keepOutputs` tries again." },
};

const ASSET_KINDS: Readonly<Record<AssetKind, { readonly description: string }>> = {
  IMAGE: { description: "A still or animated picture." },
  VIDEO: { description: "Moving pictures, with or without sound." },
  AUDIO: { description: "Sound without pictures." },
  OTHER: { description: "Anything else, or unknown." },
};

/** The files of outputs. */
export function addAsset(builder: Builder): void {
  const assetKind = builder.enumType("AssetKind", {
    description:
      "What a file is, judging by its name and by where it is in the output, not by its content.",
    values: ASSET_KINDS,
  });
  const keepState = builder.enumType("KeepState", {
    description: "Whether the gateway has a copy of a file, which stays as long as its job.",
    values: KEEP_STATES,
  });
  builder.objectType("Asset", {
    description: "A hosted file in a job's output.",
    fields: (t) => ({
      url: t.expose("url", {
        type: "URL",
        description:
          "Where RunComfy serves the file to anyone who has the URL, exactly as in the output.",
      }),
      path: t.exposeString("path", {
        description:
          "Where the URL is in the output, e.g. `images[0]`; cut off after 1,000 characters.",
      }),
      kind: t.expose("kind", { type: assetKind, description: "How to show the file." }),
      expiresAt: t.field({
        type: "DateTime",
        nullable: true,
        description:
          "When RunComfy deletes the file, 7 days after the job's end; the copy at `keptUrl` stays. Null when the end is not known.",
        resolve: ({ job: { finishedAt } }) =>
          finishedAt === null ? null : new Date(finishedAt.getTime() + KEPT_MS),
      }),
      keep: t.field({
        type: keepState,
        description: "Whether the gateway keeps a copy. Each change gives the job a new `version`.",
        resolve: async (asset, _arguments, context) => (await findKept(asset, context)).state,
      }),
      keepError: t.string({
        nullable: true,
        description: "Why there is no copy, and what to do; null unless `keep` is FAILED.",
        resolve: async (asset, _arguments, context) => (await findKept(asset, context)).reason,
      }),
      keptUrl: t.field({
        type: "URL",
        nullable: true,
        description:
          "Where the gateway serves its copy to anyone who has the URL. It works for one to two days; query it again for a new one. Null unless KEPT.",
        resolve: async (asset, _arguments, context) =>
          toFileUrl(await findKept(asset, context), context.engine.files.urls),
      }),
      thumbnailUrl: t.field({
        type: "URL",
        nullable: true,
        description: `${THUMBNAIL} Null unless a picture is KEPT; also null for an SVG, which needs none, and for ${NO_THUMBNAIL}`,
        args: createWidthArgument(builder),
        resolve: async (asset, { width }, context) =>
          toThumbnailUrl(await findKept(asset, context), width, context.engine.files.urls),
      }),
      contentType: t.string({
        nullable: true,
        description: "The media type of the copy, detected by its bytes; null unless KEPT.",
        resolve: async (asset, _arguments, context) => (await findKept(asset, context)).contentType,
      }),
      bytes: t.field({
        type: "SafeInt",
        nullable: true,
        description: "The size of the copy; null unless KEPT.",
        resolve: async (asset, _arguments, context) => (await findKept(asset, context)).bytes,
      }),
      width: t.int({
        nullable: true,
        description: "In pixels, as a browser shows it; null unless a picture is KEPT.",
        resolve: async (asset, _arguments, context) => (await findKept(asset, context)).width,
      }),
      height: t.int({
        nullable: true,
        description: "In pixels, as a browser shows it; null unless a picture is KEPT.",
        resolve: async (asset, _arguments, context) => (await findKept(asset, context)).height,
      }),
    }),
  });
}

async function findKept({ job, url }: JobAsset, { reads }: GatewayContext): Promise<KeptFile> {
  return (await reads.keptFiles.load(job.id)).get(url) ?? NOT_KEPT;
}

export const THUMBNAIL =
  "The URL of a smaller, upright WebP. It is at most 64, 320, 640 or 1024 pixels wide: the smallest of these that is not below `width`.";
export const NO_THUMBNAIL =
  "pictures above 64 MiB, or that may take more than 300 MiB of memory to draw.";

export function createWidthArgument(builder: Builder) {
  return builder.args((t) => ({
    width: t.int({
      defaultValue: 320,
      description: "How wide the picture is shown, in pixels.",
    }),
  }));
}

/** Adds what has files kept. */
export function addKeepOutputs(builder: Builder): void {
  builder.mutationFields((t) => ({
    keepOutputs: t.field({
      type: "Job",
      description:
        "Makes the gateway copy the files that a job's output names, where a copy is missing or has failed. Answers at once; `Asset.keep` shows the progress.",
      args: { jobId: t.arg.id({ required: true, description: "The job's `id`." }) },
      errors: {
        types: [JobNotFoundError, JobNotFinishedError],
        union: {
          name: "KeepOutputsResult",
          description: "The job, or why its files can't be kept.",
        },
        result: { name: "KeepOutputsSuccess", description: "The files will be kept." },
        dataField: { name: "job", description: "The job as it is now." },
      },
      resolve: (_root, { jobId }, context) => keepOutputs(context, jobId),
    }),
  }));
}
