import { MAX_ATTEMPTS } from "runcomfy-graphql-client";

import type { CheckInputQuery, QueueInput } from "../gql";
import { tellPrices } from "../model/costs";
import { later } from "../ui/later";

const LaterForm = later(async () => (await import("./later-form")).LaterForm);

const MAX_COUNT = 8;

/** The button that costs money, and all that is to be said before and after pressing it. */
export function SubmitBar({
  attempt,
  hold,
  messages,
  warnings,
  cost,
  count,
  onCount,
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
  /** How many are made at once. */
  readonly count: number;
  /** Null where all would be the same. */
  readonly onCount: ((count: number) => void) | null;
  readonly onQueue: (queue: QueueInput) => void;
  readonly onClear: () => void;
  /** Null where nothing was lost. */
  readonly onUndo: (() => void) | null;
}) {
  // One that is disabled would lose the focus.
  const isOff = { "aria-disabled": hold !== "" || attempt > 0 };
  const run = count > 1 ? `Run ${count}` : "Run";
  return (
    <div className="stack run-bar">
      <div role="alert" className="stack tight">
        {messages.map((message) => (
          <p key={message}>{message}</p>
        ))}
      </div>
      <div className="row">
        <button className="primary run-submit" aria-describedby="run-reason run-price" {...isOff}>
          {attempt > 0
            ? "Sending…"
            : cost
              ? `${run}, ${tellPrices(Array.from({ length: count }, () => cost))}`
              : run}
        </button>
        {onCount && (
          <select
            aria-label="How many"
            title="Several jobs, each with another seed"
            value={count}
            onChange={({ target }) => onCount(Number(target.value))}
          >
            {Array.from({ length: MAX_COUNT }, (_, nth) => (
              <option key={nth} value={nth + 1}>
                × {nth + 1}
              </option>
            ))}
          </select>
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
          {hold === "" && attempt === 0 && <span className="run-wide">or Ctrl Enter</span>}
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
