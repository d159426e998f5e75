import { Link } from "wouter";

import type { JobRowFragment } from "../gql";
import { useAgain, useChanges, useQuery } from "../session/session";
import { useViewer } from "../session/viewer";
import { Elapsed } from "../ui/time";
import { HOLD } from "./action-queries";
import { HOLD_THEM, RELEASE_THEM } from "./actions";
import { useActions } from "./use-actions";
import { Why } from "./why";

/** Why a job waits here, until when, and what its owner can do about that. */
export function Held({ job }: { readonly job: JobRowFragment }) {
  const viewer = useViewer();
  const { data, error, ask } = useQuery(HOLD, { id: job.id });
  useAgain(ask);
  useChanges((changed) => {
    if (changed?.id === job.id) void ask();
  });
  const { doing, problem, act } = useActions();
  const hold = data?.job?.hold;
  if (!hold) return <p className="run-words">{error?.message ?? "It waits here."}</p>;
  const isByHand = hold.reason === "BY_HAND";
  const mayHold = job.ownerId === viewer.id && viewer.may("jobs:submit");
  return (
    <div className="stack run-words">
      <p>
        <Why {...{ job, hold }} />
      </p>
      <p className="hint">
        It costs nothing while it waits, <Elapsed since={job.createdAt}> so far</Elapsed>.
      </p>
      <div className="row">
        {mayHold && (
          <button
            type="button"
            disabled={doing !== null}
            onClick={() => void act(isByHand ? RELEASE_THEM : HOLD_THEM, [job.id]).then(ask)}
          >
            {isByHand ? "Release" : "Hold"}
          </button>
        )}
        {hold.reason === "APPROVAL" && viewer.may("jobs:approve") && (
          <Link className="button" href="/waiting">
            Approvals
          </Link>
        )}
      </div>
      {problem !== "" && <p role="alert">{problem}</p>}
    </div>
  );
}
