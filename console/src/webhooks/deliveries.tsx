import { useState } from "react";
import { Link } from "wouter";

import { useQuery } from "../session";
import type { DeliveriesQuery } from "../gql";
import { Ago, formatSeconds, Moment } from "../parts/time";
import { useAgain } from "../parts/use-again";
import { useCall } from "../parts/use-call";
import { EVENT_WORDS } from "./webhook-form";
import { DELIVERIES, SEND_AGAIN } from "./webhook-queries";

const PAGE = 20;
/** A try is shown soon after it was made. */
const AGAIN_MS = 3_000;

/** What a webhook was told, newest first, a page at a time. */
export function Deliveries({ id }: { readonly id: string }) {
  const [after, setAfter] = useState<string | null>(null);
  const variables = { id, first: PAGE, after };
  const { data, error, ask } = useQuery(DELIVERIES, variables);
  useAgain(ask, true, AGAIN_MS);
  const webhook = data?.webhook;
  if (!webhook) return error ? <p role="alert">{error.message}</p> : <p>Asking…</p>;
  const { deliveries, disabledAt } = webhook;
  return (
    <>
      {deliveries.length === 0 && (
        <p className="faint">{after === null ? "Nothing was sent yet." : "Nothing older."}</p>
      )}
      <ul>
        {deliveries.map((one) => (
          <DeliveryRow key={one.id} delivery={one} isCalled={disabledAt === null} />
        ))}
      </ul>
      <div className="row">
        {after !== null && <button onClick={() => setAfter(null)}>Newest</button>}
        {deliveries.length === PAGE && (
          <button onClick={() => setAfter(deliveries.at(-1)?.id ?? null)}>Older</button>
        )}
      </div>
    </>
  );
}

type Delivery = NonNullable<DeliveriesQuery["webhook"]>["deliveries"][number];

function DeliveryRow({
  delivery: { id, event, jobId, state, createdAt, nextTryAt, tries },
  isCalled,
}: {
  readonly delivery: Delivery;
  /** Whether its webhook is enabled. */
  readonly isCalled: boolean;
}) {
  const { isBusy, problem, call } = useCall();
  const [words, className] = STATES[state];
  return (
    <li>
      <div className="row">
        <span>{EVENT_WORDS[event]}</span>
        {jobId && <Link href={`/jobs/${jobId}`}>{jobId.slice(0, 12)}…</Link>}
        <Ago at={createdAt} />
        <span className={`status ${className}`}>
          {words}
          {!isCalled && state === "PENDING" && " until the webhook is enabled"}
          {isCalled && tries.length > 0 && nextTryAt && (
            <>
              , next try <Ago at={nextTryAt} />
            </>
          )}
        </span>
        {isCalled && tries.length > 0 && (
          <button disabled={isBusy} onClick={() => void call(SEND_AGAIN, { id })}>
            Send again
          </button>
        )}
      </div>
      <ol aria-label="Tries" className="hint">
        {tries.map(({ at, status, failure, durationMs }) => (
          <li key={at}>
            <Moment at={at} />: {failure ? FAILURES[failure] : `answered ${status}`} after{" "}
            {durationMs < 1_000 ? `${durationMs} ms` : formatSeconds(durationMs / 1_000)}
          </li>
        ))}
      </ol>
      {problem !== "" && <p role="alert">{problem}</p>}
    </li>
  );
}

const FAILURES = {
  NOT_ALLOWED: "its address may not be called",
  NO_ADDRESS: "its host's name was not found",
  NO_CONNECTION: "nobody accepts connections there",
  TLS: "its certificate can't be trusted",
  TIMED_OUT: "no answer",
  CUT_OFF: "the connection was closed before an answer",
} as const;

const STATES = {
  PENDING: ["Waiting", ""],
  DELIVERED: ["Delivered", "status-succeeded"],
  FAILED: ["Given up", "status-failed"],
} as const;
