import { DeploymentCard } from "../deployments/card";
import { TOKEN_REFUSED } from "../session/gateway";
import { DEPLOYMENTS } from "../session/queries";
import { useAgain, useQuery } from "../session/session";
import { Problem } from "../ui/problem";
import { useTitle } from "../ui/use-title";
import "../deployments/deployments.css";

/** What can be run, and how it goes. */
export function Deployments() {
  useTitle("Deployments");
  const { data, error, ask } = useQuery(DEPLOYMENTS, {});
  useAgain(ask, !data?.deployments.length);
  return (
    <div className="stack">
      <h1>Deployments</h1>
      {!data && error && <Problem text={error.message} onRetry={() => void ask()} />}
      {!data && !error && (
        <p className="empty" role="status">
          Fetching deployments…
        </p>
      )}
      {data?.deployments.length === 0 && (
        <p className="empty">{data.isTokenRefused ? TOKEN_REFUSED : NONE}</p>
      )}
      {data?.deployments.map((deployment) => (
        <DeploymentCard key={deployment.id} deployment={deployment} />
      ))}
    </div>
  );
}

const NONE =
  "No deployment is known here. Deploy a LoRA on RunComfy, or list one in the gateway's file of deployments. Where RunComfy does not answer at the moment, they come once it does.";
