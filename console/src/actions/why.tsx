import type { JobRowFragment, WaitsFragment } from "../gql";
import { usePrices } from "../session/part";
import { usePauses } from "../session/use-pauses";
import { useViewer } from "../session/viewer";
import { Ago, Moment } from "../ui/time";

type Props = { readonly job: JobRowFragment; readonly hold: WaitsFragment };

/** Why a job waits here, and until when, as sentences. */
export function Why({ job, hold }: Props) {
  const { reason, ahead } = hold;
  const whose = useViewer().id === job.ownerId ? "yours" : "its owner’s";
  return (
    <>
      <Reason {...{ job, hold }} />
      {ahead ? ` ${ahead} of ${whose} ${ahead === 1 ? "goes" : "go"} before it.` : ""}
      {reason === "TURN" && !ahead && ` It is the next of ${whose}.`}
    </>
  );
}

function Reason({ job, hold: { reason, until } }: Props) {
  const pause = usePauses()(job.deployment.id);
  const isMine = useViewer().id === job.ownerId;
  const hasPrices = usePrices();
  const again = until && (
    <>
      {" "}
      Next try <Ago at={until} />.
    </>
  );
  switch (reason) {
    case "APPROVAL":
      return "It waits until somebody else approves it.";
    case "BY_HAND":
      return "It waits until it is released.";
    case "PAUSED":
      return pause
        ? `Its deployment is paused: ${pause.reason}`
        : "It waits for the RunComfy account, or the sandbox, that it was submitted for: the gateway uses another one now.";
    case "SCHEDULED":
      return (
        until && (
          <>
            It waits for its time: <Moment at={until} /> (<Ago at={until} />
            ).
          </>
        )
      );
    case "OUTAGE":
      return <>It waits because RunComfy takes no jobs at the moment.{again}</>;
    case "LIMIT":
      return (
        <>
          It waits because {isMine ? "you have" : "its owner has"} as many unfinished jobs, or sent
          as many in this minute, as allowed
          {hasPrices && ", or because a budget has too little left for it"}.{again}
        </>
      );
    case "TURN":
      return "It waits for its turn.";
  }
}
