import type { DeploymentsQuery } from "../gql";
import { formatSeconds, tellPrice } from "../model/words";
import { TOKEN_REFUSED } from "../session/gateway";
import { usePauses } from "../session/use-pauses";
import { Paused } from "../ui/paused";

/** With fewer, the gateway gives no estimate either. */
const MIN_RUNS = 5;

/** Which deployment is run, and what it is good for. */
export function Chooser({
  deployments,
  deploymentId,
  onChoose,
}: {
  readonly deployments: DeploymentsQuery["deployments"];
  readonly deploymentId: string;
  readonly onChoose: (id: string) => void;
}) {
  const chosen = deployments.find(({ id }) => id === deploymentId);
  const pauseOf = usePauses();
  const { succeeded = 0, runSeconds } = chosen?.stats ?? {};
  const seconds = succeeded < MIN_RUNS ? undefined : runSeconds?.p50;
  const facts = [
    chosen?.description,
    chosen?.model && `Model ${chosen.model}.`,
    chosen?.price && tellPrice(chosen.price),
    seconds && `A run takes about ${formatSeconds(seconds)}.`,
  ];
  return (
    <div className="row run-chooser">
      <label htmlFor="deployment">
        <b>Deployment</b>
      </label>
      <select
        id="deployment"
        value={deploymentId}
        onChange={({ target }) => onChoose(target.value)}
      >
        {!chosen && <option>{deploymentId}</option>}
        {deployments.map(({ id, name }) => (
          <option key={id} value={id}>
            {name} {pauseOf(id) && "(paused)"}
          </option>
        ))}
      </select>
      <span className="hint">
        {chosen
          ? facts.filter(Boolean).join(" ")
          : "It is not in the list, but if RunComfy has it, it may run all the same."}
      </span>
      <Paused deploymentId={deploymentId} />
    </div>
  );
}

/** What to do where nothing can be chosen. */
export function NoDeployment({ isTokenRefused }: { readonly isTokenRefused: boolean }) {
  if (isTokenRefused) return <p className="empty">{TOKEN_REFUSED}</p>;
  return (
    <div className="empty center">
      <h1>No deployment is known here</h1>
      <p>
        A deployment is a model with your LoRA that RunComfy serves. Make one on{" "}
        <a href="https://www.runcomfy.com/" target="_blank" rel="noreferrer">
          RunComfy’s dashboard
        </a>
        , and it appears here within seconds. If you have one, RunComfy may not answer at the
        moment: it is asked again by itself. Or ask whoever runs this gateway to list it in its
        DEPLOYMENTS_FILE.
      </p>
    </div>
  );
}
