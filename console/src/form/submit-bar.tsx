import { MAX_ATTEMPTS } from "runcomfy-graphql-client";

import type { QueueInput } from "../gql";
import { later } from "../ui/later";

const LaterForm = later(async () => (await import("./later-form")).LaterForm);

/** The button that costs money, and all that is to be said before and after pressing it. */
export function SubmitBar({
  attempt,
  hold,
  messages,
  warnings,
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
  /** Null where all would be the same. */
  readonly onMany: (() => void) | null;
  readonly onQueue: (queue: QueueInput) => void;
  readonly onClear: () => void;
  /** Null where nothing was lost. */
  readonly onUndo: (() => void) | null;
}) {
  // One that is disabled would lose the focus.
  const isOff = { "aria-disabled": hold !== "" || attempt > 0 };
  return (
    <div className="stack run-bar">
      <div role="alert" className="stack tight">
        {messages.map((message) => (
          <p key={message}>{message}</p>
        ))}
      </div>
      <div className="row">
        <button className="primary run-submit" aria-describedby="run-reason" {...isOff}>
          {attempt > 0 ? "Sending…" : "Run"}
        </button>
        {onMany && (
          <button
            type="button"
            title="Four jobs, each with another seed"
            onClick={onMany}
            {...isOff}
          >
            Make 4
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
            <span className="run-key-hint">Ctrl Enter runs it too.</span>
          )}
          {attempt > 1 &&
            `No answer yet; try ${attempt} of ${MAX_ATTEMPTS}. It is the same job each time.`}
        </span>
      </div>
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
