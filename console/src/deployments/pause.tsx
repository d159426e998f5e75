import { FRAME } from "../session/queries";
import { useQuery } from "../session/session";
import { useCall } from "../session/use-call";
import { usePauses } from "../session/use-pauses";
import { AskWhy } from "../ui/ask-why";
import { PAUSE, RESUME } from "./deployment-queries";

/** Pauses a deployment for everybody, and resumes it. */
export function Pause({ id }: { readonly id: string }) {
  const isPaused = usePauses()(id) !== null;
  const { ask } = useQuery(FRAME, {}, false);
  const { isBusy, problem, call } = useCall();
  return (
    <>
      {problem !== "" && <span role="alert">{problem}</span>}
      {isPaused ? (
        <button disabled={isBusy} onClick={() => void call(RESUME, { id }).then(ask)}>
          Resume
        </button>
      ) : (
        <AskWhy
          label="Pause"
          hint="Why? Everybody reads this."
          isDisabled={isBusy}
          onGiven={(reason) => void call(PAUSE, { id, reason }).then(ask)}
        />
      )}
    </>
  );
}
