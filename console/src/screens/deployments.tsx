import { useState } from "react";

import { useAgain, useQuery } from "../session";
import { DeploymentCard } from "../deployments/card";
import { type Deployment, KINDS } from "../deployments/words";
import { DEPLOYMENTS } from "../queries";
import type { DeploymentsQuery } from "../gql";
import { Problem } from "../parts/problem";
import { TOKEN_REFUSED } from "../gateway";
import { useTitle } from "../parts/use-title";
import "../deployments/deployments.css";

/** More than these can be searched. */
const FEW = 5;

/** What can be run, and how it goes. */
export function Deployments() {
  useTitle("Deployments");
  const { data, error, ask } = useQuery(DEPLOYMENTS, {});
  useAgain(ask, !data?.deployments.length);
  if (data) return <DeploymentList {...data} />;
  return (
    <>
      <h1>Deployments</h1>
      {error ? (
        <Problem text={error.message} onRetry={() => void ask()} />
      ) : (
        <p className="empty" role="status">
          Fetching deployments…
        </p>
      )}
    </>
  );
}

function DeploymentList({ deployments, isTokenRefused }: DeploymentsQuery) {
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const isMany = deployments.length > FEW;
  const found = deployments.filter((deployment) => fits(deployment, wanted));
  return (
    <div className="stack">
      <div className="row">
        <h1>Deployments</h1>
        {isMany && (
          <input
            type="search"
            aria-label="Search by name, kind, description, model or id"
            placeholder="name, kind, model or id"
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
        )}
        <span className="hint" role="status">
          {isMany &&
            (wanted === "" ? deployments.length : `${found.length} of ${deployments.length}`)}
        </span>
      </div>
      {deployments.length === 0 && <p className="empty">{isTokenRefused ? TOKEN_REFUSED : NONE}</p>}
      {found.map((deployment) => (
        <DeploymentCard key={deployment.id} deployment={deployment} />
      ))}
    </div>
  );
}

const NONE =
  "No deployment is known here. Deploy a LoRA on RunComfy, or list one in the gateway's file of deployments. Where RunComfy does not answer at the moment, they come once it does.";

function fits({ id, kind, name, description, model }: Deployment, wanted: string): boolean {
  return [id, KINDS[kind], name, description, model].some((one) =>
    one?.toLowerCase().includes(wanted),
  );
}
