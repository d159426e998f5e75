import { GatewayError } from "runcomfy-graphql-client";

import { toSentence } from "../form/issues";
import { dropKey, keepKey, keyFor } from "../form/submit-keys";
import { isRepeatable } from "../form/use-submit";
import { EDIT_MANY } from "../labels/label-queries";
import type { Session } from "../session";
import {
  CANCEL_MANY,
  CANCEL_MATCHING,
  DELETE_MANY,
  DELETE_MATCHING,
  RUN_AGAIN,
} from "./job-queries";

/** What became of one job that something was to be done with. */
export type Outcome = {
  readonly id: string;
  /** Why it was not done, as sentences; null where it was. */
  readonly problem: string | null;
  /** The job that it became. */
  readonly madeId?: string;
  /** Whether nobody knows, since the call was not answered or not carried out. */
  readonly isLost?: boolean;
};

/** In whose name something is done. */
type Actor = { readonly session: Session; readonly viewerId: string };

/** Something to do with jobs, however many; it tells how many are done, and ends early once `signal` is aborted. */
export type Action = {
  readonly run: (
    actor: Actor,
    ids: readonly string[],
    onProgress?: (done: number) => void,
    signal?: AbortSignal,
  ) => Promise<readonly Outcome[]>;
  /** `3 deleted` */
  readonly done: string;
  /** `Deleting… 3 of 20` */
  readonly doing: string;
  /** What does it with all jobs that fit a filter, and why some were left. */
  readonly matching?: {
    readonly mutation: typeof CANCEL_MATCHING | typeof DELETE_MATCHING;
    readonly failure: string;
  };
};

/** A cancel takes up to a few seconds, ten of them go at once, and a call may take 30 s. */
const CANCELS_A_CALL = 40;
const DELETES_A_CALL = 100;
const EDITS_A_CALL = 100;
const RUNS_AT_ONCE = 4;

export const CANCEL_THEM: Action = {
  done: "cancelled",
  doing: "Cancelling",
  matching: {
    mutation: CANCEL_MATCHING,
    failure: "They started meanwhile, or RunComfy did not answer.",
  },
  run: ({ session: { gateway, feed } }, ids, ...turns) =>
    inTurns(toChunks(ids, CANCELS_A_CALL), 1, turns, (chunk) =>
      toOutcomes(chunk, async () => {
        const { cancelJobs } = await gateway.request(CANCEL_MANY, { ids: chunk });
        // Whoever may cancel jobs may lack the scope to hear of them.
        for (const result of cancelJobs)
          if (result.__typename === "CancelJobSuccess") feed.notify(result.job);
        return cancelJobs;
      }),
    ),
};

export const DELETE_THEM: Action = {
  done: "deleted",
  doing: "Deleting",
  matching: { mutation: DELETE_MATCHING, failure: "They have not ended yet." },
  run: ({ session: { gateway } }, ids, ...turns) =>
    inTurns(toChunks(ids, DELETES_A_CALL), 1, turns, (chunk) =>
      toOutcomes(chunk, async () => {
        const { deleteJobs } = await gateway.request(DELETE_MANY, { ids: chunk });
        // Whoever deleted it, it is gone.
        return deleteJobs.map((result) => (result.__typename === "JobNotFoundError" ? {} : result));
      }),
    ),
};

export type LabelEdit = {
  readonly addTags?: string[];
  readonly removeTags?: string[];
  readonly isStarred?: boolean;
};

/** Changes the tags of jobs, or their star. */
export function editThem(edit: LabelEdit): Action {
  return {
    done: "changed",
    doing: "Changing",
    run: ({ session: { gateway, feed } }, ids, ...turns) =>
      inTurns(toChunks(ids, EDITS_A_CALL), 1, turns, (chunk) =>
        toOutcomes(chunk, async () => {
          const { editJobs } = await gateway.request(EDIT_MANY, { ids: chunk, ...edit });
          for (const result of editJobs)
            if (result.__typename === "EditJobSuccess") feed.notify(result.job);
          return editJobs.map((result) =>
            result.__typename === "InvalidLabelsError"
              ? { message: `A tag ${result.issues.map(({ message }) => message).join("; ")}.` }
              : result,
          );
        }),
      ),
  };
}

export const RUN_THEM_AGAIN: Action = {
  done: "run again",
  doing: "Running again",
  run: (actor, ids, ...turns) =>
    inTurns(toChunks(ids, 1), RUNS_AT_ONCE, turns, ([id = ""]) => runAgain(actor, id)),
};

/** Its key is kept until an answer came, also over a reload, so that asking again pays for nothing twice. */
async function runAgain(
  { session: { gateway }, viewerId }: Actor,
  id: string,
): Promise<readonly Outcome[]> {
  const scope = `${viewerId} rerun`;
  const key = keyFor(scope, id);
  keepKey(scope, id, key);
  let madeId: string | undefined;
  const outcomes = await toOutcomes([id], async () => {
    const { rerunJob: result } = await gateway.request(RUN_AGAIN, { id, key });
    if (!isRepeatable(result)) dropKey(scope, id);
    if (result.__typename === "SubmitJobSuccess") madeId = result.job.id;
    if (result.__typename !== "InvalidInputError") return [result];
    const issues = result.issues.map(({ path, message }) => toSentence(path, message).trim());
    return [{ message: `Its input no longer fits: ${issues.join(" ")}` }];
  });
  return madeId === undefined ? outcomes : [{ id, problem: null, madeId }];
}

/** `3 deleted, 1 could not be deleted: The job has not ended yet. …` */
export function tell(outcomes: readonly Outcome[], done: string): string {
  const problems = outcomes.flatMap(({ problem }) => problem ?? []);
  const counts = new Map<string, number>();
  for (const problem of problems) counts.set(problem, (counts.get(problem) ?? 0) + 1);
  const parts = [...counts].map(([problem, count]) => `${count} could not be ${done}: ${problem}`);
  const successes = outcomes.length - problems.length;
  return [...(successes > 0 ? [`${successes} ${done}`] : []), ...parts].join(", ");
}

/** After a call that failed no more are made, and the rest is told so too. */
async function inTurns(
  chunks: readonly (readonly string[])[],
  atOnce: number,
  [onProgress, signal]: readonly [onProgress?: (done: number) => void, signal?: AbortSignal],
  act: (chunk: string[]) => Promise<readonly Outcome[]>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const queue = chunks.values();
  let failure: Outcome | undefined;
  async function work(): Promise<void> {
    for (const chunk of queue) {
      if (signal?.aborted) return;
      const problem = failure?.problem;
      const told: readonly Outcome[] = problem
        ? chunk.map((id) => ({ id, problem }))
        : await act([...chunk]);
      failure ??= told.find(({ isLost }) => isLost);
      outcomes.push(...told);
      onProgress?.(outcomes.length);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work));
  return outcomes;
}

async function toOutcomes(
  ids: readonly string[],
  call: () => Promise<readonly object[]>,
): Promise<readonly Outcome[]> {
  try {
    const results = await call();
    return ids.map((id, index) => {
      const result = results[index] ?? {};
      return { id, problem: "message" in result ? String(result.message) : null };
    });
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return ids.map((id) => ({ id, problem: error.message, isLost: true }));
  }
}

function toChunks(ids: readonly string[], size: number): readonly (readonly string[])[] {
  const count = Math.ceil(ids.length / size);
  return Array.from({ length: count }, (_, index) => ids.slice(index * size, (index + 1) * size));
}
