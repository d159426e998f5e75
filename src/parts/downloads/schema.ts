import type { Builder } from "../../api/schema/builder.ts";
import { JobNotFoundError } from "../../engine/job/errors.ts";
import type { OpenDownload } from "./downloads.ts";
import { Downloads, MAX_OF_DOWNLOAD } from "./downloads.ts";
import { DownloadTooLargeError } from "./errors.ts";

/** Adds what puts the kept files of many jobs into one ZIP. */
export function addDownloads(builder: Builder): void {
  const { jobs, files, bytes } = MAX_OF_DOWNLOAD;
  builder.objectType(DownloadTooLargeError, {
    name: "DownloadTooLargeError",
    description:
      "These jobs, or their files, are too many or too large for one download. Nothing was stored.",
    interfaces: ["Error"],
  });

  const download = builder.objectRef<OpenDownload>("Download").implement({
    description: "Kept files of jobs, as one ZIP.",
    fields: (t) => ({
      url: t.expose("url", {
        type: "URL",
        description:
          "Where the gateway serves the ZIP, by GET, to anyone who has the URL. It contains the files unchanged, and `jobs.json`: what made each of them, and why others are missing. An owner may run one download at a time; a second one is answered with 429. An owner's newest 20 URLs work.",
      }),
      expiresAt: t.expose("expiresAt", {
        type: "DateTime",
        description:
          "When `url` stops working: 10 minutes from now. A download under way continues.",
      }),
      files: t.exposeInt("files", { description: "How many files are kept by now." }),
      bytes: t.expose("bytes", { type: "SafeInt", description: "Their total size." }),
    }),
  });

  builder.mutationField("createDownload", (t) =>
    t.field({
      type: download,
      description: `Makes a URL at which you can download the kept files of jobs that you may read as one ZIP: at most ${files} files of ${bytes / 1e9} GB in all. A job that you may not read, or that was deleted, is listed as missing in \`jobs.json\`.`,
      complexity: ({ ids }) => ({ field: 2 * Math.min(ids.length, jobs), multiplier: 1 }),
      args: {
        ids: t.arg.idList({
          required: true,
          description: `The jobs' ids, at most ${jobs}; duplicates count once.`,
        }),
      },
      errors: {
        types: [JobNotFoundError, DownloadTooLargeError],
        union: {
          name: "CreateDownloadResult",
          description: "The download, or why there is none.",
        },
        result: { name: "CreateDownloadSuccess", description: "The download can begin." },
        dataField: { name: "download", description: "Where to get the files." },
      },
      resolve: (_root, { ids }, { parts, viewer }) => parts.find(Downloads).create(ids, viewer),
    }),
  );
}
