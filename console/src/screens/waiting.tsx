import { useSearchParams } from "wouter";

import { withParameters } from "../model/address";
import { useViewer } from "../session/viewer";
import { useTitle } from "../ui/use-title";
import { Approvals } from "../waiting/approvals";
import { Queue } from "../waiting/queue";
import "../waiting/waiting.css";

/** What waits here and costs nothing yet: what somebody has to approve, and one's own jobs. */
export function Waiting() {
  useTitle("Waiting here");
  const viewer = useViewer();
  const [parameters, setParameters] = useSearchParams();
  return (
    <div className="stack">
      <h1>Waiting here</h1>
      {viewer.may("jobs:approve") && <Approvals />}
      {viewer.mayRead && (
        <Queue
          deploymentId={parameters.get("deployment") ?? ""}
          onChoose={(deployment) =>
            setParameters((before) => withParameters(before, { deployment }), { replace: true })
          }
        />
      )}
    </div>
  );
}
