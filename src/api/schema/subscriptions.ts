import { clock } from "../../runtime/environment.ts";
import type { Channels, SentEvent } from "../../engine/diagnostics/channels.ts";
import type { Job, JobChangeReason } from "../../engine/job/job.ts";
import { Stream } from "../../runtime/stream.ts";
import type { Reads } from "../../engine/reads/reads.ts";
import { watchJob, watchJobs } from "../../engine/use-cases/watch-jobs.ts";
import type { JobChange } from "../../engine/watch/watch-jobs.ts";
import type { Builder } from "./builder.ts";
import type { JobFilterRef } from "./job-connection.ts";
import { findDocumentNames, findSelected } from "./job-type.ts";

const REASONS: Readonly<Record<JobChangeReason, { readonly description: string }>> = {
  STATUS: {
    description:
      "The `status`, and possibly other fields. After you reconnect with a cursor, a status that you know may come again.",
  },
  PROGRESS: { description: "`queuePosition`, `isPaused` or `hold`; the status is unchanged." },
  FILES: { description: "The kept copies of `assets`; the status is unchanged." },
  COST: {
    description: "The `cost`, which RunComfy reported after the end; the status is unchanged.",
  },
  LABELS: { description: "`tags` or `isStarred`; the status is unchanged." },
};

export function addSubscriptions(builder: Builder, jobFilter: JobFilterRef): void {
  const jobChangeReason = builder.enumType("JobChangeReason", {
    description:
      "What changed about a job since your cursor. Later versions may add values: treat an unknown one as a change that leaves the status as it was.",
    values: REASONS,
  });
  builder.objectType("JobChange", {
    description: "A job has changed, or changes may have been missed.",
    fields: (t) => ({
      cursor: t.exposeString("cursor", {
        description:
          "The position in the feed after this change. Keep the last one, and pass it as `after` to continue from there, on any gateway.",
      }),
      job: t.expose("job", {
        type: "Job",
        nullable: true,
        description:
          "The job in its newest state; states before it may have been skipped. Null exactly when `reset` is true.",
      }),
      reason: t.expose("reason", {
        type: jobChangeReason,
        nullable: true,
        description:
          "What changed since your cursor: STATUS if the status did, whatever else changed too. To act on statuses, handle STATUS only, once for each job and status. Null exactly when `reset` is true.",
      }),
      reset: t.boolean({
        description:
          "Whether changes may have been missed, because `after` was too old or you read too slowly. If so, read `jobs` again, and continue with the changes that follow.",
        resolve: ({ job }) => job === null,
      }),
    }),
  });

  builder.subscriptionFields((t) => ({
    jobUpdated: t.field({
      type: "Job",
      description:
        "The job as it is now, then its newest state after each change; ends after the final one. States may be skipped, but never the last; `version` never falls. If you select `estimate`, the same version comes again when the estimate has moved by more than a tenth of the time left, at most once a second. An unknown id is a NOT_FOUND error.",
      args: { id: t.arg.id({ required: true, description: "The job's `id`." }) },
      subscribe: async (_root, { id }, context, info) => {
        const isEstimateWanted = findSelected(info).has("estimate");
        const jobs = await watchJob(context, id, { isEstimateWanted });
        // An unknown job is an answer to the subscription itself.
        await jobs.peek();
        return publishSent(context.engine.channels, jobs, (job) => ({
          of: "job",
          job,
          at: clock.now(),
        }));
      },
      resolve: unwrap,
    }),

    jobsUpdated: t.field({
      type: "JobChange",
      description: JOBS_UPDATED,
      args: {
        filter: t.arg({
          type: jobFilter,
          description:
            "Which jobs to report, by their newest state: one that no longer matches is not reported. Null for all.",
        }),
        after: t.arg.string({
          description:
            "The `cursor` of the last change that you received; null to begin with the next change. An empty text gives a reset at once: read the list then, and you miss nothing in between.",
        }),
      },
      subscribe: async (_root, { filter, after }, context, info) => {
        const selected = findSelected(info);
        const changes = await watchJobs(context, {
          filter,
          after: after ?? null,
          isThere: (job) => isThere(job, selected, context.reads),
        });
        const toSent = ({ job }: JobChange) => ({ of: "feed", job, at: clock.now() }) as const;
        return publishSent(context.engine.channels, changes, toSent);
      },
      resolve: unwrap,
    }),
  }));
}

const JOBS_UPDATED = `Every change of your jobs that match, or of everybody's with the scope \`jobs:read:all\`. It ends by itself only with an error, when the database fails: subscribe again with the last cursor.

- It begins after the cursor \`after\`, or now. If you reconnect with the last cursor, to any gateway, you miss nothing. You may receive a change twice, and a job that changed several times comes once, in its newest state.
- Changes come in the order of their commits, as far as that is known.
- A job is first reported once it is HELD, or RunComfy has accepted it or may have. Only a job that was HELD is reported while it is SUBMITTING. Deleted jobs are not reported.`;

/** What ends a stream comes as its last event, which its resolver throws. */
function unwrap<Event>(event: Event): Event {
  if (event instanceof Error) throw event;
  return event;
}

/** The same events; each is published once it has been sent. */
function publishSent<Event>(
  { sent }: Channels,
  events: Stream<Event>,
  toSent: (event: Event) => SentEvent,
): Stream<Event> {
  if (!sent.hasSubscribers) return events;
  let last: SentEvent | null = null;
  return new Stream(
    async () => {
      // A reader that asks for an event has sent the one before; one that leaves may not have.
      if (last !== null) sent.publish(last);
      const next = await events.next();
      last = next.done === true ? null : toSent(next.value);
      return next;
    },
    () => events.end(),
  );
}

/**
 * Whether all that is selected of a job can still be read, or the job has been deleted. What is read to find out stays
 * in the loaders: it is not read twice, and can't be gone when the fields ask for it.
 */
async function isThere(
  job: Job,
  selected: ReadonlySet<string>,
  { documents, histories }: Reads,
): Promise<boolean> {
  // Where reading fails, the fields read again and report it.
  const unread = () => true;
  const names = findDocumentNames(selected);
  const needed = job.status === "SUCCEEDED" ? names : names.filter((name) => name === "input");
  const found = await Promise.all([
    needed.length === 0 || documents.load(job.id).then((stored) => stored !== null, unread),
    !selected.has("history") || histories.load(job.id).then(({ length }) => length > 0, unread),
  ]);
  return found.every(Boolean);
}
