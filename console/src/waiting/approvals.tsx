import { type Action, toAction } from "../actions/actions";
import { useActions } from "../actions/use-actions";
import type { ToApproveQuery } from "../gql";
import { Inputs } from "../jobs/details";
import { tellPrices } from "../model/costs";
import { promptOf } from "../model/prompt";
import { usePrices } from "../session/part";
import { useQuery } from "../session/session";
import { useFields } from "../session/use-fields";
import { AskWhy } from "../ui/ask-why";
import { Problem } from "../ui/problem";
import { Ago } from "../ui/time";
import { useHeldNews } from "./use-held-news";
import { APPROVE, REFUSE, TO_APPROVE } from "./waiting-queries";

/** As many as are asked for. */
const MAX_SHOWN = 25;

type Job = ToApproveQuery["jobsToApprove"][number];

/** What waits until somebody approves it: what goes in, and who asks. */
export function Approvals() {
  const { data, error, ask } = useQuery(TO_APPROVE, {});
  const refresh = (): void => void ask();
  useHeldNews(data?.jobsToApprove, ask);
  return (
    <section className="stack" aria-labelledby="approvals">
      <h2 id="approvals">To approve</h2>
      {!data && error && <Problem text={error.message} onRetry={refresh} />}
      {data?.jobsToApprove.length === 0 && <p className="hint">Nothing waits for an approval.</p>}
      {data?.jobsToApprove.map((job) => (
        <Approval key={job.id} job={job} onDone={refresh} />
      ))}
      {data?.jobsToApprove.length === MAX_SHOWN && (
        <p className="hint">There may be more: they come as these are done.</p>
      )}
    </section>
  );
}

function Approval({ job, onDone }: { readonly job: Job; readonly onDone: () => void }) {
  const { doing, problem, act } = useActions();
  const fields = useFields(job.deployment.id);
  const hasPrices = usePrices();
  const prompt = promptOf(job) || "No prompt";
  return (
    <article className="card" aria-label={prompt}>
      <div className="row">
        <h3 className="clamp grow" dir="auto">
          {prompt}
        </h3>
        <span className="hint">
          <bdi>{job.ownerId}</bdi> asks for {job.deployment.name}
          {hasPrices && `, ${tellPrices([job.cost])}`}, <Ago at={job.createdAt} />
        </span>
      </div>
      <div className="waiting-inputs">
        <Inputs job={job} fields={fields} uploads={job.uploads} />
      </div>
      <div className="row">
        <button
          type="button"
          className="primary"
          disabled={doing !== null}
          onClick={() => void act(APPROVE_THEM, [job.id]).then(onDone)}
        >
          Approve
        </button>
        <AskWhy
          label="Refuse"
          hint="What is to be changed? Its owner reads this."
          isDisabled={doing !== null}
          onGiven={(reason) => void act(refuseThem(reason), [job.id]).then(onDone)}
        />
      </div>
      {problem !== "" && <p role="alert">{problem}</p>}
    </article>
  );
}

/** What is answered with nothing was refused: nobody approves what they submitted themselves. */
const OWN = {
  __typename: "Forbidden",
  message: "You submitted or released it yourself: somebody else has to approve it.",
};

const APPROVE_THEM = toAction("approved", "Approving", async (gateway, ids) => {
  const { approveJobs } = await gateway.request(APPROVE, { ids });
  return approveJobs.map((result) => result ?? OWN);
});

function refuseThem(reason: string): Action {
  return toAction(
    "refused",
    "Refusing",
    async (gateway, ids) => (await gateway.request(REFUSE, { ids, reason })).refuseJobs,
  );
}
