import { usePauses } from "../session/use-pauses";
import { Ago } from "./time";

/** Says of a deployment that is paused why. */
export function Paused({ deploymentId }: { readonly deploymentId: string }) {
  const pause = usePauses()(deploymentId);
  if (pause === null) return null;
  return (
    <p className="warning grow">
      Paused <Ago at={pause.since} />: <bdi>{pause.reason}</bdi>
    </p>
  );
}
