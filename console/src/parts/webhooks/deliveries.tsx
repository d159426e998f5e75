import { useState } from "react";
import { Link } from "wouter";

import type { DeliveriesQuery } from "../../gql";
import { formatSeconds } from "../../model/words";
import { useAgain, useQuery } from "../../session/session";
import { useCall } from "../../session/use-call";
import { Ago, Moment } from "../../ui/time";
import { EVENTS } from "./webhook-form";
import { DELIVERIES, SEND_AGAIN } from "./webhook-queries";

const PAGE = 20;
/** A try is shown soon after it was made. */
const AGAIN_MS = 3_000;

/** A webhook's deliveries, newest first, a page at a time; `isCalled` is false while it is disabled. */
export function Deliveries({ id, isCalled }: { readonly id: string; readonly isCalled: boolean }) {
  const [after, setAfter] = useState<string | null>(null);
  const variables = { id, first: PAGE, after };
  const { data, error, ask } = useQuery(DELIVERIES, variables);
  useAgain(ask, true, AGAIN_MS);
  const deliveries = data?.webhook?.deliveries;
  if (!deliveries) return error ? <p role="alert">{error.message}</p> : <p>Asking…</p>;
  return (
    <div>
      {deliveries.length === 0 && (
        <p className="hint">{after === null ? "Nothing was sent yet." : "Nothing older."}</p>
      )}
      <ul className="lines">
        {deliveries.map((one) => (
          <DeliveryRow key={one.id} delivery={one} isCalled={isCalled} />
        ))}
      </ul>
      <div className="row">
        {after !== null && <button onClick={() => setAfter(null)}>Newest</button>}
        {deliveries.length === PAGE && (
          <button onClick={() => setAfter(deliveries.at(-1)?.id ?? null)}>Older</button>
        )}
      </div>
    </div>
  );
}

type Delivery = NonNullable<DeliveriesQuery["webhook"]>["deliveries"][number];

function DeliveryRow({
  delivery: { id, event, jobId, state, createdAt, nextTryAt, tries },
  isCalled,
}: {
  readonly delivery: Delivery;
  readonly isCalled: boolean;
}) {
  const { isBusy, problem, call } = useCall();
  const [words, className] = STATES[state];
  return (
    <li>
      <div className="row">
        <span className="sentence">{EVENTS[event]}</span>
        {jobId && <Link href={`/jobs/${jobId}`}>{jobId.slice(0, 12)}…</Link>}
        <Ago at={createdAt} />
        <span className={`status end ${className}`}>
          {words}
          {!isCalled && state === "PENDING" && " until the webhook is enabled"}
          {isCalled && tries.length > 0 && nextTryAt && (
            <>
              , next try <Ago at={nextTryAt} />
            </>
          )}
        </span>
        {isCalled && tries.length > 0 && (
          <button className="small" disabled={isBusy} onClick={() => void call(SEND_AGAIN, { id })}>
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
