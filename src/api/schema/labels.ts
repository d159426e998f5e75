import { MAX_IDS } from "../../engine/for-each.ts";
import { InvalidLabelsError, JobNotFoundError } from "../../engine/job/errors.ts";
import type { TagCount } from "../../engine/store/labels.ts";
import { DEFAULT_TAGS, editJobs, listTags, MAX_TAGS } from "../../engine/use-cases/labels.ts";
import type { Builder } from "./builder.ts";
import { toCost } from "./cancel-and-delete.ts";

/** Adds what owners find their jobs by: the mutation that changes it, and the list of tags to choose from. */
export function addLabels(builder: Builder): void {
  builder.mutationField("editJobs", (t) =>
    t.field({
      type: ["Job"],
      description:
        "Changes the tags and stars of your jobs, whatever their status, and answers when all are done. The `JobChange.reason` is then LABELS.",
      complexity: toCost,
      args: {
        ids: t.arg.idList({
          required: true,
          description: `The jobs' ids, at most ${MAX_IDS}; duplicates count once.`,
        }),
        addTags: t.arg.stringList({
          description:
            "Up to 10 tags to append to a job's own, each as at a submit; a job has at most 10.",
        }),
        removeTags: t.arg.stringList({
          description: "Up to 10 tags to remove, before others are added.",
        }),
        isStarred: t.arg.boolean({
          description: "True stars the jobs, false removes the star, null leaves it unchanged.",
        }),
      },
      itemErrors: {
        types: [JobNotFoundError, InvalidLabelsError],
        union: { name: "EditJobResult", description: "The job, or why it was not changed." },
        result: { name: "EditJobSuccess", description: "The job has these labels." },
        dataField: { name: "job", description: "The job as it is now." },
      },
      resolve: (_root, { ids, addTags, removeTags, isStarred = null }, context) =>
        editJobs(context, { ids, addTags: addTags ?? [], removeTags: removeTags ?? [], isStarred }),
    }),
  );

  const tagCount = builder.objectRef<TagCount>("TagCount").implement({
    description: "A tag, and how many of your jobs have it.",
    fields: (t) => ({
      tag: t.exposeString("tag", { description: "As it is among a job's `tags`." }),
      count: t.exposeInt("count", {
        description: "How many jobs, counted up to 1,000: 1000 means 1,000 or more.",
      }),
    }),
  });

  builder.queryField("tags", (t) =>
    t.field({
      type: [tagCount],
      description:
        "Your own tags, the most used first. Counting shares the time of the operation's searched lists (see `JobConnection`), so with some hundred thousand tagged jobs some may be missing.",
      complexity: ({ first }) => ({
        field: 10,
        multiplier: Math.min(first ?? DEFAULT_TAGS, MAX_TAGS),
      }),
      args: {
        first: t.arg.int({
          defaultValue: DEFAULT_TAGS,
          description: `How many at most, 1 to ${MAX_TAGS}.`,
        }),
        startsWith: t.arg.string({
          description: "Only tags that begin with this, matched exactly; null for all.",
        }),
      },
      resolve: (_root, { first, startsWith }, context) =>
        listTags(context, { first: first ?? DEFAULT_TAGS, startsWith: startsWith ?? "" }),
    }),
  );
}
