import { useEffect, useState } from "react";
import { GatewayError } from "runcomfy-graphql-client";

import type { CancelMatchingMutation, DeleteMatchingMutation } from "../gql";
import { formatCount } from "../model/words";
import type { JobList } from "../session/job-list";
import { useSession } from "../session/session";
import { toProblem } from "../session/use-call";
import { renewLists } from "../session/use-job-list";
import { useViewer } from "../session/viewer";
import type { Action } from "./actions";

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

/** Does one thing after another with jobs, and has what came of the last one. */
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
type Tally = ReturnType<typeof createTally>;

/** Counts what came of calls until one fails, or they are stopped. */
function createTally(
  { done, doing }: Action,
  total: number | null | undefined,
  onProgress: (said: string) => void,
  signal: AbortSignal,
) {
  let successes = 0;
  const failures = new Map<string, number>();
  let lost = "";
  let isStopped = false;
  return {
    add(count: number, problem = ""): void {
      if (problem === "") successes += count;
      else if (count > 0) failures.set(problem, (failures.get(problem) ?? 0) + count);
    },
    /** Resolves with what the call resolves with, and with false where it was not made or failed. */
    async attempt(call: () => Promise<boolean | void>): Promise<boolean> {
      isStopped ||= signal.aborted;
      if (isStopped || lost !== "") return false;
      const count = [...failures.values()].reduce((sum, one) => sum + one, successes);
      onProgress(
        `${doing}… ${formatCount(count)}${total == null ? "" : ` of ${formatCount(total)}`}`,
      );
      try {
        return (await call()) === true;
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        lost = error.message;
        return false;
      }
    },
    sum() {
      const problems = [...failures.keys(), lost].filter((problem) => problem !== "");
      const parts = [...failures].map(
        ([problem, count]) => `${formatCount(count)} could not be ${done}: ${problem}`,
      );
      if (successes > 0 || problems.length === 0)
        parts.unshift(`${formatCount(successes)} ${done}`);
      if (lost !== "") parts.push(parts.length === 0 ? lost : `then no more: ${lost}`);
      const said = `${isStopped ? "Stopped: " : ""}${parts.join(", ")}`;
      return { said, problem: problems.join(" ") };
    },
  };
}

function* toChunks(ids: readonly string[], size: number) {
  for (let at = 0; at < ids.length; at += size) yield ids.slice(at, at + size);
}
