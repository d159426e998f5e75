import { toFileHeaders } from "../../engine/files/detect-file.ts";
import { toFileUrl, toThumbnailUrl } from "../../engine/files/file-urls.ts";
import { toUploadEnd } from "../../engine/files/uploads.ts";
import { InvalidUploadError } from "../../engine/job/errors.ts";
import { createUpload, findUpload } from "../../engine/use-cases/uploads.ts";
import type { Builder } from "./builder.ts";
import { charged } from "./charged.ts";
import { createWidthArgument, NO_THUMBNAIL, THUMBNAIL } from "./files.ts";

/** Adds what takes files in, and shows what went in. */
export function addUploads(builder: Builder): void {
  builder.objectType("Upload", {
    description: "A file that a client sends for an input.",
    fields: (t) => ({
      id: t.exposeID("id", {
        description:
          "Starts with `upl_`. In place of a file's URL in an input, write `upload:` and this id, once the file has arrived.",
      }),
      fileName: t.string({
        description: "The `fileName` given to `createUpload`, without a path.",
        resolve: charged(({ fileName }) => fileName),
      }),
      putUrl: t.field({
        type: "URL",
        nullable: true,
        description:
          "Where to send the bytes with the HTTP method PUT, once, without a credential. The answer is 204 when the file has arrived, or 409 if it had arrived before. Any other answer says in `errors[0].message` why the file was refused. Only `createUpload` gives it; null elsewhere.",
        resolve: ({ putUrl }) => putUrl ?? null,
      }),
      expiresAt: t.field({
        type: "DateTime",
        description: "When `putUrl` stops working.",
        resolve: toUploadEnd,
      }),
      url: t.field({
        type: "URL",
        nullable: true,
        description:
          "Where the gateway serves the file to anyone who has the URL. It works for one to two days; query it again for a new one. Null until the file has arrived.",
        resolve: charged((upload, _arguments, { engine }) => toFileUrl(upload, engine.files.urls)),
      }),
      thumbnailUrl: t.field({
        type: "URL",
        nullable: true,
        description: `${THUMBNAIL} Null until a picture has arrived; also null for other files, and for ${NO_THUMBNAIL}`,
        args: createWidthArgument(builder),
        resolve: charged((upload, { width }, { engine }) => {
          // What the bytes are, whatever the client has said.
          const { contentType } = toFileHeaders(upload.file ?? "");
          return toThumbnailUrl({ ...upload, contentType }, width, engine.files.urls);
        }),
      }),
    }),
  });

  builder.queryField("upload", (t) =>
    t.field({
      type: "Upload",
      nullable: true,
      description:
        "Your upload with this id; null when there is none, or it is another owner's, unless a job of theirs that you may approve waits for approval with it.",
      args: { id: t.arg.id({ required: true, description: "An upload's `id`." }) },
      resolve: (_root, { id }, context) => findUpload(context, id),
    }),
  );

  builder.objectField("Job", "uploads", (t) =>
    t.field({
      type: ["Upload"],
      description:
        "The uploads that its input names, oldest first, each once and at most 100. They stay as long as the job. Empty for everybody but its owner, and who may approve it: while it waits for approval, with the scopes `jobs:read:all` and `jobs:approve`.",
      // All that there may be: who names a hundred in each of a hundred inputs has ten thousand URLs signed.
      complexity: { field: 10, multiplier: 100 },
      resolve: ({ id }, _arguments, { reads }) => reads.jobUploads.load(id),
    }),
  );

  builder.mutationField("createUpload", (t) =>
    t.field({
      type: "Upload",
      description:
        "Opens an upload for a picture, video or sound that an input needs. Send its bytes to `putUrl`, then name it in the input as `upload:ID`. It is kept as long as a job names it, otherwise for a day.",
      args: {
        fileName: t.arg.string({
          required: true,
          description: "The file's name, of 1 to 255 characters; a path before it is dropped.",
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
      resolve: (_root, given, context) => createUpload(context, given),
    }),
  );
}
