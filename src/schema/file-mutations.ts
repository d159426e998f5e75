import { InvalidUploadError, JobNotFinishedError, JobNotFoundError } from "../job/errors.ts";
import { isIdentifier } from "../job/job.ts";
import type { Builder } from "./builder.ts";
import { readAssets } from "./job-type.ts";
import { publishRefusal } from "./submit.ts";

/** Adds what takes files in and keeps them. */
export function addFileMutations(builder: Builder): void {
  builder.objectType("Upload", {
    description: "A file on its way from a client to an input.",
    fields: (t) => ({
      id: t.exposeID("id", {
        description:
          "Starts with `upl_`. In place of a file's URL in an input, write `upload:` and this id, once the file has arrived.",
      }),
      putUrl: t.expose("putUrl", {
        type: "URL",
        description:
          "Where to send the bytes with the HTTP method PUT, once, without a credential. The answer is 204 when the file has arrived, or 409 if it had arrived before. Any other answer says in `errors[0].message` why the file was refused.",
      }),
      expiresAt: t.expose("expiresAt", {
        type: "DateTime",
        description: "When `putUrl` stops working.",
      }),
    }),
  });

  builder.mutationFields((t) => ({
    createUpload: t.field({
      type: "Upload",
      scope: "jobs:submit",
      description:
        "Opens an upload for a picture, video or sound that an input needs. Send its bytes to `putUrl`, then name it in the input as `upload:ID`. It is kept as long as a job names it, otherwise for a day.",
      args: {
        fileName: t.arg.string({
          required: true,
          description: "The file's name; 1 to 255 characters.",
        }),
        contentType: t.arg.string({
          required: true,
          description: "Its media type, e.g. `image/png`. The bytes must match it.",
        }),
        bytes: t.arg({ type: "SafeInt", required: true, description: "Its exact size." }),
      },
      errors: {
        types: [InvalidUploadError],
        union: {
          name: "CreateUploadResult",
          description: "The upload, or why there is none.",
        },
        result: { name: "CreateUploadSuccess", description: "The gateway waits for the file." },
        dataField: { name: "upload", description: "Where to send the file." },
      },
      resolve: (_root, given, { files, viewer, channels }) =>
        publishRefusal(channels, files.uploads.createUpload(given, viewer)),
    }),

    keepOutputs: t.field({
      type: "Job",
      scope: "jobs:submit",
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
      resolve: async (_root, { jobId }, context) => {
        if (!isIdentifier(jobId)) throw new JobNotFoundError(jobId);
        const { files, viewer, loaders } = context;
        const job = await files.keepOutputs(jobId, viewer.ownerId, (job) =>
          readAssets(job, context),
        );
        loaders.clear();
        return job;
      },
    }),
  }));
}
