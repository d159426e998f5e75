import { useEffect, useRef, useState } from "react";
import { GatewayError } from "runcomfy-graphql-client";

import type { CancelMatchingMutation, DeleteMatchingMutation, JobFilter } from "../gql";
import { toCountText } from "../parts/count";
import { type Session, useSession } from "../session";
import { useViewer } from "../viewer";
import { Confirm } from "./confirm";
import { CANCEL_MATCHING, DELETE_MATCHING } from "./job-queries";
import { catchFocus } from "./job-table";
import type { JobList } from "./live-job-list";
import { renewLists } from "./use-job-list";

/** Something to do with all jobs that fit, a hundred or ten seconds at a time. */
type Act = {
  readonly mutation: typeof CANCEL_MATCHING | typeof DELETE_MATCHING;
  readonly doing: string;
  readonly done: string;
  /** Why some were left. */
  readonly failure: string;
};

const CANCEL: Act = {
  mutation: CANCEL_MATCHING,
  doing: "Cancelling",
  done: "cancelled",
  failure: "They started meanwhile, or RunComfy did not answer.",
};
const DELETE: Act = {
  mutation: DELETE_MATCHING,
  doing: "Deleting",
  done: "deleted",
  failure: "They have not ended yet.",
};

/** What selects all jobs of a list, loaded or not; null where that is nothing to cancel or delete: only one's own can be. */
export function useAllThatFit({ filter }: JobList, total: number | null | undefined) {
  const viewer = useViewer();
  const { ownerId, ...conditions } = filter;
  const mayReadAll = viewer.isSignedIn && viewer.may("jobs:read:all");
  const isOthers = ownerId != null && ownerId !== viewer.id;
  if (!viewer.may("jobs:cancel") || isOthers || Object.keys(conditions).length === 0) return null;
  if (mayReadAll && ownerId == null) return "Select all of yours that fit";
  return typeof total === "number"
    ? `Select all ${toCountText(total)} that fit`
    : "Select all that fit";
}

/** What can be done with all jobs that fit, loaded or not; how far it came is told by `onTell`. */
export function MatchingBar({
  list,
  onTell,
  onOver,
}: {
  readonly list: JobList;
  readonly onTell: (text: string) => void;
  /** Called when nothing is done with them any more. */
  readonly onOver: () => void;
}) {
  const session = useSession();
  const cancellation = useRef<HTMLDialogElement>(null);
  const deletion = useRef<HTMLDialogElement>(null);
  const [running, setRunning] = useState<AbortController | null>(null);
  useEffect(() => () => running?.abort(), [running]);

  async function run(act: Act): Promise<void> {
    const stop = new AbortController();
    setRunning(stop);
    const [newest] = list.state.get().rows;
    // By the gateway's clock: what is submitted from then on was not meant.
    const createdBefore = new Date(newest ? Date.parse(newest.createdAt) + 1 : 0).toISOString();
    const what = { filter: list.filter, createdBefore };
    onTell(await takeAll(act, { gateway: session.gateway, what, onTell, signal: stop.signal }));
    renewLists(session);
    onOver();
    requestAnimationFrame(catchFocus);
  }

  return (
    <div className="row actions" role="group" aria-label="With all jobs that fit">
      {running !== null ? (
        <button onClick={() => running.abort()}>Stop</button>
      ) : (
        <>
          <button onClick={() => cancellation.current?.showModal()}>Cancel all that fit</button>
          <button onClick={() => deletion.current?.showModal()}>Delete all that fit</button>
        </>
      )}
      <Confirm
        dialog={cancellation}
        title="Cancel all jobs that fit?"
        keep="Don't cancel"
        action="Cancel them"
        onConfirm={() => void run(CANCEL)}
      >
        Those of your jobs that have not started will not run. The others stay as they are.
      </Confirm>
      <Confirm
        dialog={deletion}
        title="Delete all jobs that fit?"
        keep="Don't delete"
        action="Delete them"
        onConfirm={() => void run(DELETE)}
      >
        Of your jobs that have ended, what went in, what came out and the files that are kept here
        will be gone for good.
      </Confirm>
    </div>
  );
}

/** Calls again and again until all are done, a call fails, or it is stopped; gives what came of it. */
async function takeAll(
  { mutation, doing, done, failure }: Act,
  {
    gateway,
    what,
    onTell,
    signal,
  }: {
    readonly gateway: Session["gateway"];
    readonly what: { readonly filter: JobFilter; readonly createdBefore: string };
    readonly onTell: (text: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<string> {
  let total = 0;
  let failed = 0;
  const sum = (): string => {
    const rest = `${failed.toLocaleString()} could not be ${done}: ${failure}`;
    return `${total.toLocaleString()} ${done}${failed > 0 ? `, ${rest}` : ""}`;
  };
  let after: string | null = null;
  while (!signal.aborted) {
    onTell(`${doing}… ${sum()}`);
    try {
      const { progress }: Answered = await gateway.request(mutation, { ...what, after });
      total += progress.done;
      failed += progress.failed;
      if (!progress.hasMore) return sum();
      after = progress.cursor;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return `${sum()}. ${error.message}`;
    }
  }
  return `Stopped: ${sum()}`;
}

type Answered = CancelMatchingMutation | DeleteMatchingMutation;
