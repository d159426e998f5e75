import {
  DeploymentNotFoundError,
  IdempotencyConflictError,
  InvalidInputError,
  UpstreamError,
} from "../../engine/job/errors.ts";
import { MAX_PRIORITY, type QueueOptions } from "../../engine/job/hold.ts";
import { toPathText } from "../../engine/job/input.ts";
import { checkInput } from "../../engine/use-cases/check-input.ts";
import {
  MAX_ANSWER_SECONDS,
  MAX_ITEMS,
  rerunJob,
  submitJob,
  submitJobs,
} from "../../engine/use-cases/submit-jobs.ts";
import type { Builder, GivenQueue } from "./builder.ts";
import { charged } from "./charged.ts";

/** What each item costs, beside what is asked of its job. */
const ITEM_COST = 20;

/** Adds what submits a job of any deployment. */
export function addSubmit(
  builder: Builder,
  submitJobResult: SubmitJobResultRef,
  ofParts: SubmitArguments,
): void {
  addQueueInput(builder);
  const options = toSubmitArguments(builder, ofParts);
  const submitJobItem = builder.inputType("SubmitJobItem", {
    description: "One of the jobs to submit, with the arguments of `submitJob`.",
    fields: (t) => ({
      deploymentId: t.id(ARGUMENTS.deploymentId),
      input: t.field(ARGUMENTS.input),
      idempotencyKey: t.string(ARGUMENTS.idempotencyKey),
      tags: t.stringList(ARGUMENTS.tags),
      queue: t.field(ARGUMENTS.queue),
      ...addAll(ofParts, (one) => t.field(one)),
    }),
  });

  builder.mutationFields((t) => ({
    submitJob: t.field({
      type: submitJobResult,
      description:
        "Submits a job and answers once RunComfy has accepted or refused it, or later with `answerWithinSeconds`; at once with `queue`. Follow the job with `jobUpdated`. The submit continues if you disconnect.",
      args: {
        deploymentId: t.arg.id(ARGUMENTS.deploymentId),
        input: t.arg(ARGUMENTS.input),
        ...options,
      },
      resolve: (_root, given, context) => submitJob(context, toSubmit(given)),
    }),

    submitJobs: t.field({
      type: [submitJobResult],
      nullable: { list: false, items: true },
      description: `Submits up to ${MAX_ITEMS} jobs, each as \`submitJob\` does, as fast as RunComfy accepts them. Answers when all are done, with a result for each, in their order. A job whose turn doesn't come in time is not sent, and its result is RATE_LIMITED: submit it again with its \`idempotencyKey\`. Where \`submitJob\` would be an error, such as at one of your limits, the result is null, \`errors\` has its position in \`path\`, and the others are not affected. Without keys, a retry after a lost answer submits the jobs a second time.`,
      complexity: ({ items }) => {
        const count = Math.min(items.length, MAX_ITEMS);
        return { field: ITEM_COST * count, multiplier: count };
      },
      args: {
        items: t.arg({
          type: [submitJobItem],
          required: true,
          description: `The jobs, 1 to ${MAX_ITEMS}. Two with the same key become one job, which waits as the \`queue\` of the first says.`,
        }),
      },
      resolve: (_root, { items }, context) => submitJobs(context, items.map(toSubmit)),
    }),

    rerunJob: t.field({
      type: submitJobResult,
      description:
        "Submits the input of one of your jobs to its deployment again, as `submitJob` does, with your changes. The original job stays unchanged. An unknown id is a NOT_FOUND error.",
      complexity: 10,
      args: {
        id: t.arg.id({ required: true, description: "The `id` of the job whose input to use." }),
        changes: t.arg({
          type: "JSON",
          description:
            "An object whose members replace those of the job's `input`, in RunComfy's spelling; a member that is null is removed from the input. Null changes nothing.",
        }),
        ...options,
      },
      resolve: (_root, given, context) => rerunJob(context, toSubmit(given)),
    }),
  }));
}

/** The arguments that all mutations have that submit a job. */
export function toSubmitArguments(builder: Builder, ofParts: SubmitArguments) {
  return builder.args((t) => ({
    idempotencyKey: t.string(ARGUMENTS.idempotencyKey),
    tags: t.stringList(ARGUMENTS.tags),
    queue: t.field(ARGUMENTS.queue),
    ...addAll(ofParts, (one) => t.field(one)),
    answerWithinSeconds: t.int({
      defaultValue: 0,
      description: `How long to wait for the job's end, 0 to ${MAX_ANSWER_SECONDS} s, counted from the start of the operation for all its submits together. The answer comes when the job has ended or the time is over, with the job as it is then, but never before RunComfy has accepted the job, unless it is HELD. A refusal is answered at once. A retry may use another value.`,
    }),
  }));
}

/** An argument that a part adds to all submits. */
type SubmitArgument = {
  readonly type: "String" | "URL";
  readonly description: string;
};
export type SubmitArguments = Readonly<Record<string, SubmitArgument>>;

/** Pothos knows nothing of their names, as only the part does. */
function addAll(ofParts: SubmitArguments, toRef: (one: SubmitArgument) => unknown): object {
  return Object.fromEntries(Object.entries(ofParts).map(([name, one]) => [name, toRef(one)]));
}

/** What a submit and an item of many have in common. */
const ARGUMENTS = {
  deploymentId: { required: true, description: "The `id` of the deployment to run." },
  input: {
    type: "JSON",
    required: true,
    description:
      "An object that fits the deployment's `inputSchema`, in RunComfy's spelling (`ctrl_img_1`); files are public https URLs, or uploads as `upload:ID`.",
  },
  idempotencyKey: {
    description:
      "A text of your choice that makes it safe to repeat the call: the same key with the same deployment and input always gives the same job. For a day after that job is deleted, the key is a conflict. Null submits a new job each time.",
  },
  tags: {
    description:
      "Up to 10 words to group and find jobs by (`JobFilter.tag`), each of 1 to 64 characters without control characters. They are not part of the idempotency key: a retry gives the job with its original tags.",
  },
  queue: {
    type: "QueueInput",
    description:
      "How the job waits in the gateway, where it costs nothing, before it is sent. With it, `{}` included, the answer comes as soon as the job is stored, which is HELD then and is sent when its turn comes. It is not part of the idempotency key. Null sends the job at once, unless your submits need approval.",
  },
} as const;

export type SubmitJobResultRef = ReturnType<typeof addSubmitJobResult>;

/** What every mutation that submits a job answers with. */
export function addSubmitJobResult(builder: Builder) {
  builder.objectType("InputWarning", {
    description: "Something that RunComfy will do with an accepted input without saying so.",
    fields: (t) => ({
      path: t.string({
        description:
          "Where in the input, e.g. `width`, in the spelling of the call; empty for the input as a whole.",
        resolve: ({ path }) => toPathText(path),
      }),
      message: t.exposeString("message", {
        description: "What will happen there, as a sentence for your app's users.",
      }),
    }),
  });

  builder.objectType("SubmitJobSuccess", {
    description: "RunComfy has accepted the job, or the job is HELD.",
    fields: (t) => ({
      job: t.expose("job", {
        type: "Job",
        description: "The new job, or the job that the idempotency key already belongs to.",
      }),
      warnings: t.expose("warnings", {
        type: ["InputWarning"],
        description:
          "What RunComfy will silently change in the input, such as rounding a width down; empty if nothing is known.",
      }),
    }),
  });

  return builder.errorUnion("SubmitJobResult", {
    description: "The job, or why there is none.",
    types: [
      "SubmitJobSuccess",
      InvalidInputError,
      DeploymentNotFoundError,
      IdempotencyConflictError,
      UpstreamError,
    ],
    resolveType: () => "SubmitJobSuccess",
  });
}

/** A submit's arguments. Its options include those of parts, which Pothos doesn't know. */
export function toSubmit<Given extends { readonly queue?: GivenQueue | null | undefined }>(
  given: Given,
) {
  const { queue } = given;
  return { ...given, queue: queue && toQueueOptions(queue), options: { ...given } };
}

function toQueueOptions({ priority, sendAfter, sendBefore, hold }: GivenQueue): QueueOptions {
  return {
    priority: priority ?? 0,
    sendAfter: sendAfter ?? null,
    sendBefore: sendBefore ?? null,
    hold: hold ?? false,
  };
}

function addQueueInput(builder: Builder): void {
  builder.inputType("QueueInput", {
    description: "How a job waits in the gateway before it is sent.",
    fields: (t) => ({
      priority: t.int({
        defaultValue: 0,
        description: `-${MAX_PRIORITY} to ${MAX_PRIORITY}: among your own jobs, the highest is sent first, and of equal ones the oldest.`,
      }),
      sendAfter: t.field({
        type: "DateTime",
        description: "It is not sent before then. Null sends it when its turn comes.",
      }),
      sendBefore: t.field({
        type: "DateTime",
        description:
          "If it was not sent by then, whatever held it, it is FAILED with the error NOT_SENT_IN_TIME and costs nothing. Null lets it wait as long as it takes. A time in the past, or not after `sendAfter`, is an invalid input.",
      }),
      hold: t.boolean({
        defaultValue: false,
        description: "Whether it waits until `releaseJobs`.",
      }),
    }),
  });
}

/** Adds the query that says of an input what a submit would say. */
export function addCheckInput(builder: Builder): void {
  builder.objectType("InputCheck", {
    description: "What a submit would report about an input.",
    fields: (t) => ({
      issues: t.expose("issues", {
        type: ["InputIssue"],
        description: "Why a submit would be an `InvalidInputError`; empty if it would not.",
      }),
      warnings: t.expose("warnings", {
        type: ["InputWarning"],
        description: "What RunComfy would silently change in the input; empty if nothing is known.",
      }),
      input: t.field({
        type: "JSON",
        description:
          "The input as a job would store it: as you gave it, since a `seed` of -1 becomes a number only at the submit. Empty if nothing of it can be stored. It takes as much room in the answer as `Job.input`, and fails in the same way.",
        // One text among the variables may come back hundreds of times.
        resolve: charged(({ input }) => input ?? {}),
      }),
    }),
  });

  builder.queryField("checkInput", (t) =>
    t.field({
      type: "InputCheck",
      description:
        "Checks an input as `submitJob` does, without submitting it, for example while somebody fills in a form. An unknown deployment is a NOT_FOUND error. RunComfy may still refuse an input that passes.",
      complexity: 10,
      args: {
        deploymentId: t.arg.id({
          required: true,
          description: "The `id` of the deployment that would run it.",
        }),
        input: t.arg({
          type: "JSON",
          required: true,
          description: "The input for `submitJob`, in RunComfy's spelling (`ctrl_img_1`).",
        }),
      },
      resolve: (_root, given, context) => checkInput(context, given),
    }),
  );
}
