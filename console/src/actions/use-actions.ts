import { useEffect, useState } from "react";

import type { CancelMatchingMutation, DeleteMatchingMutation } from "../gql";
import type { JobList } from "../session/job-list";
import { useSession } from "../session/session";
import { toProblem } from "../session/use-call";
import { renewLists } from "../session/use-job-list";
import { useViewer } from "../session/viewer";
import type { Action } from "./actions";
import { createTally, type Tally } from "./tally";

type Outcome = {
  /** How far it is, and in the end `3 deleted, 1 could not be deleted: The job has not ended yet.` */
  readonly said: string;
  /** Why it was not done with all, as sentences. */
  readonly problem: string;
  /** With which it was done, where one knows them. */
  readonly done: readonly string[];
};

const NOTHING: Outcome = { said: "", problem: "", done: [] };

export type Actions = ReturnType<typeof useActions>;

/** Runs one action after another on jobs, and has the result of the last one. */
export function useActions() {
  const session = useSession();
  const viewer = useViewer();
  const [outcome, setOutcome] = useState(NOTHING);
  const [running, setRunning] = useState<{ action: Action; stop: AbortController } | null>(null);
  useEffect(() => () => running?.stop.abort(), [running]);

  /** Call by call with the jobs of these ids, or with all that fit a list. */
  async function act(action: Action, jobs: readonly string[] | JobList): Promise<Outcome> {
    const stop = new AbortController();
    setRunning({ action, stop });
    const total = "get" in jobs ? jobs.get().totalCount : jobs.length;
    const onProgress = (said: string): void => setOutcome({ ...NOTHING, said });
    const tally = createTally(action, total, onProgress, stop.signal);
    const done =
      "get" in jobs ? await actOnAll(action, jobs, tally) : await actOn(action, jobs, tally);
    const after = { ...tally.sum(), done };
    setOutcome(after);
    setRunning(null);
    return after;
  }

  async function actOn(action: Action, jobs: readonly string[], tally: Tally) {
    const done: string[] = [];
    const chunks = toChunks(jobs, action.jobsACall);
    async function work(): Promise<void> {
      for (const ids of chunks)
        await tally.attempt(async () => {
          const results = await action.call(session, ids, viewer.id);
          const problems = results.map((result) => toProblem(result));
          for (const problem of problems) tally.add(1, problem);
          done.push(...ids.filter((_, index) => problems[index] === ""));
        });
    }
    await Promise.all(Array.from({ length: action.callsAtOnce }, work));
    return done;
  }

  async function actOnAll({ matching }: Action, { filter, get }: JobList, tally: Tally) {
    if (matching === undefined) return [];
    const [newest] = get().jobs;
    // By the gateway's clock: what is submitted from then on was not meant.
    const createdBefore = new Date(newest ? Date.parse(newest.createdAt) + 1 : 0).toISOString();
    let after: string | null = null;
    let hasMore = true;
    while (hasMore)
      hasMore = await tally.attempt(async () => {
        const variables = { filter, createdBefore, after };
        const { progress }: Matching = await session.gateway.request(matching.mutation, variables);
        tally.add(progress.done);
        tally.add(progress.failed, matching.failure);
        after = progress.cursor;
        return progress.hasMore;
      });
    renewLists(session);
    return [];
  }

  return {
    ...outcome,
    doing: running?.action ?? null,
    act,
    /** No more calls are made; the one under way ends. */
    stop: () => running?.stop.abort(),
    forget: () => setOutcome(NOTHING),
  };
}

type Matching = CancelMatchingMutation | DeleteMatchingMutation;

function* toChunks(ids: readonly string[], size: number) {
  for (let at = 0; at < ids.length; at += size) yield ids.slice(at, at + size);
}
