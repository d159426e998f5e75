import type { Session } from "../session/session";
import { dropKey, isRepeatable, keepKey, keyFor } from "../session/submit-keys";
import type { Result } from "../session/use-call";
import { removeFromLists } from "../session/use-job-list";
import {
  CANCEL_MANY,
  CANCEL_MATCHING,
  DELETE_MANY,
  DELETE_MATCHING,
  EDIT_MANY,
  HOLD_MANY,
  PRIORITIZE_MANY,
  RELEASE_MANY,
  RUN_AGAIN,
} from "./action-queries";

/** Something to do with jobs, however many. */
export type Action = {
  /** `3 deleted` */
  readonly done: string;
  /** `Deleting… 3 of 20` */
  readonly doing: string;
  readonly jobsACall: number;
  readonly callsAtOnce: number;
  /** The result of each, in order. */
  readonly call: (
    session: Session,
    ids: readonly string[],
    viewerId: string,
  ) => Promise<readonly Result[]>;
  /** What does it with all jobs that fit a filter, and why some were left. */
  readonly matching?: {
    readonly mutation: typeof CANCEL_MATCHING | typeof DELETE_MATCHING;
    readonly failure: string;
  };
};

export const CANCEL_THEM: Action = {
  done: "cancelled",
  doing: "Cancelling",
  // One takes up to a few seconds, ten of them go at once, and a call may take 30 s.
  jobsACall: 40,
  callsAtOnce: 1,
  matching: {
    mutation: CANCEL_MATCHING,
    failure: "They started meanwhile, or RunComfy did not answer.",
  },
  async call({ gateway, feed }, ids) {
    const { cancelJobs } = await gateway.request(CANCEL_MANY, { ids: [...ids] });
    // A viewer who may cancel jobs may lack the scope to watch them.
    for (const result of cancelJobs)
      if (result.__typename === "CancelJobSuccess") feed.notify(result.job);
    return cancelJobs;
  },
};

/** Changes how jobs wait here, all of a call at once. */
export function toAction(
  done: string,
  doing: string,
  change: (gateway: Session["gateway"], ids: string[]) => Promise<readonly Result[]>,
): Action {
  const call: Action["call"] = ({ gateway }, ids) => change(gateway, [...ids]);
  return { done, doing, jobsACall: 100, callsAtOnce: 1, call };
}

export const HOLD_THEM = toAction(
  "held",
  "Holding",
  async (gateway, ids) => (await gateway.request(HOLD_MANY, { ids })).holdJobs,
);

export const RELEASE_THEM = toAction(
  "released",
  "Releasing",
  async (gateway, ids) => (await gateway.request(RELEASE_MANY, { ids })).releaseJobs,
);

const MAX_PRIORITY = 100;

/** Lets jobs go before all that have at most this priority. */
export function runFirst(highest: number): Action {
  const priority = Math.min(highest + 1, MAX_PRIORITY);
  return toAction(
    "put first",
    "Putting first",
    async (gateway, ids) =>
      (await gateway.request(PRIORITIZE_MANY, { ids, priority })).prioritizeJobs,
  );
}

export const DELETE_THEM: Action = {
  done: "deleted",
  doing: "Deleting",
  jobsACall: 100,
  callsAtOnce: 1,
  matching: { mutation: DELETE_MATCHING, failure: "They have not ended yet." },
  async call(session, ids) {
    const { deleteJobs } = await session.gateway.request(DELETE_MANY, { ids: [...ids] });
    // It is gone, even if somebody else deleted it.
    const results = deleteJobs.map((result) =>
      result.__typename === "JobNotFoundError" ? { __typename: result.__typename } : result,
    );
    removeFromLists(
      session,
      ids.filter((_, index) => !("message" in (results[index] ?? {}))),
    );
    return results;
  },
};

/** Changes the tags of jobs, or their star. */
export function editThem(edit: {
  readonly addTags?: string[];
  readonly removeTags?: string[];
  readonly isStarred?: boolean;
}): Action {
  return {
    done: "changed",
    doing: "Changing",
    jobsACall: 100,
    callsAtOnce: 1,
    async call({ gateway, feed }, ids) {
      const { editJobs } = await gateway.request(EDIT_MANY, { ids: [...ids], ...edit });
      return editJobs.map((result) => {
        if (result.__typename === "EditJobSuccess") feed.notify(result.job);
        if (result.__typename !== "InvalidLabelsError") return result;
        const issues = result.issues.map(({ message }) => ({ path: "A tag", message }));
        return { __typename: result.__typename, issues };
      });
    },
  };
}

export const RUN_THEM_AGAIN: Action = {
  done: "run again",
  doing: "Running again",
  jobsACall: 1,
  callsAtOnce: 4,
  async call({ gateway }, [id = ""], viewerId) {
    const scope = `${viewerId} rerun`;
    const key = keyFor(scope, id);
    // Until an answer came, also over a reload, so that asking again pays for nothing twice.
    keepKey(scope, id, key);
    const { rerunJob: result } = await gateway.request(RUN_AGAIN, { id, key });
    if (!isRepeatable(result)) dropKey(scope, id);
    return [result];
  },
};
