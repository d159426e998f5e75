import { MAX_ATTEMPTS } from "runcomfy-graphql-client";

import type { CheckInputQuery, QueueInput } from "../gql";
import { tellPrices, UNKNOWN_COST } from "../model/costs";
import { later } from "../ui/later";

const LaterForm = later(async () => (await import("./later-form")).LaterForm);

/** The button that costs money, and all that is to be said before and after pressing it. */
export function SubmitBar({
  attempt,
  hold,
  messages,
  warnings,
  cost,
  many,
  onMany,
  onQueue,
  onClear,
  onUndo,
}: {
  /** Which try is under way; 0 while none is. */
  readonly attempt: number;
  /** Why nothing can be sent; empty where it can. */
  readonly hold: string;
  readonly messages: readonly string[];
  readonly warnings: readonly string[];
  /** Of one run; null where it is not shown, or not known yet. */
  readonly cost: CheckInputQuery["checkInput"]["cost"] | null;
  /** How many `onMany` makes. */
  readonly many: number;
  /** Null where all would be the same. */
  readonly onMany: (() => void) | null;
  readonly onQueue: (queue: QueueInput) => void;
  readonly onClear: () => void;
  /** Null where nothing was lost. */
  readonly onUndo: (() => void) | null;
}) {
  // One that is disabled would lose the focus.
  const isOff = { "aria-disabled": hold !== "" || attempt > 0 };
  const manyCosts = Array.from({ length: many }, () => cost ?? UNKNOWN_COST);
  return (
    <div className="stack run-bar">
      <div role="alert" className="stack tight">
        {messages.map((message) => (
          <p key={message}>{message}</p>
        ))}
      </div>
      <div className="row">
        <button className="primary run-submit" aria-describedby="run-reason run-price" {...isOff}>
          {attempt > 0 ? "Sending…" : cost ? `Run, ${tellPrices([cost])}` : "Run"}
        </button>
        {onMany && (
          <button
            type="button"
            title="Several jobs, each with another seed"
            onClick={onMany}
            {...isOff}
          >
            Make {many}
            {cost && <span className="run-wide">, {tellPrices(manyCosts)}</span>}
          </button>
        )}
        <button type="button" title="Let it wait here first" popoverTarget="later" {...isOff}>
          Later…
        </button>
        <div id="later" role="group" popover="auto" aria-label="Later">
          <LaterForm onQueue={onQueue} />
        </div>
        <button type="button" onClick={onClear}>
          Clear
        </button>
        {onUndo && (
          <button type="button" title="Bring back what stood here before" onClick={onUndo}>
            Undo
          </button>
        )}
        <span id="run-reason" role="status" className="hint grow">
          {hold}
          {hold === "" && attempt === 0 && (
            <span className="run-wide">Ctrl Enter runs it too.</span>
          )}
          {attempt > 1 &&
            `No answer yet; try ${attempt} of ${MAX_ATTEMPTS}. It is the same job each time.`}
        </span>
      </div>
      <p id="run-price" className="hint clamp" title={cost?.reason ?? ""} hidden={!cost?.reason}>
        {cost?.reason}
      </p>
      <div role="status" className="stack tight" aria-label="Warnings">
        {warnings.map((warning) => (
          <p key={warning} className="warning">
            {warning}.
          </p>
        ))}
      </div>
    </div>
  );
}
