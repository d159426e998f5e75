import { MAX_ATTEMPTS } from "runcomfy-graphql-client";

import { PRESSED_ONCE } from "./press";
import type { Submission } from "./use-submit";

/** The button that costs money, and all that is to be said before and after pressing it. */
export function SubmitBar({
  submission,
  canSubmit,
  hold,
  messages,
  warnings,
  onMany,
  onClear,
  onUndo,
}: {
  readonly submission: Submission;
  readonly canSubmit: boolean;
  /** Why nothing can be sent yet; empty where it can. */
  readonly hold: string;
  readonly messages: readonly string[];
  readonly warnings: readonly string[];
  /** Null where all would be the same. */
  readonly onMany: (() => void) | null;
  readonly onClear: () => void;
  /** Null where nothing was lost. */
  readonly onUndo: (() => void) | null;
}) {
  const isSending = submission.kind === "sending";
  const reason = canSubmit ? hold : NO_SCOPE;
  const isOff = reason !== "" || isSending;
  return (
    <div className="run-bar">
      <div role="alert" className="run-messages">
        {messages.map((message) => (
          <div key={message}>{message}</div>
        ))}
      </div>
      <div className="row">
        <button
          className="primary run-submit"
          // One that is disabled would lose the focus.
          aria-disabled={isOff}
          aria-describedby="run-reason"
          {...PRESSED_ONCE}
        >
          {isSending ? "Sending…" : "Run"}
        </button>
        {onMany && (
          <button
            type="button"
            title="Four jobs, each with another seed"
            aria-disabled={isOff}
            onClick={onMany}
            {...PRESSED_ONCE}
          >
            Make 4
          </button>
        )}
        <button type="button" onClick={onClear}>
          Clear
        </button>
        {onUndo && (
          <button type="button" title="Bring back what stood here before" onClick={onUndo}>
            Undo
          </button>
        )}
        <span id="run-reason" role="status" className="hint">
          {reason}
          {reason === "" && !isSending && (
            <span className="run-key-hint">Ctrl Enter runs it too.</span>
          )}
          {isSending && submission.attempt > 1 && (
            <>
              No answer yet; try {submission.attempt} of {MAX_ATTEMPTS}. It is the same job each
              time.
            </>
          )}
        </span>
      </div>
      <div role="status" className="run-messages" aria-label="Warnings">
        {warnings.map((warning) => (
          <div key={warning} className="warning">
            {warning}.
          </div>
        ))}
      </div>
    </div>
  );
}

const NO_SCOPE =
  "You may look, but not run anything: your credential lacks the scope jobs:submit. Ask whoever runs this gateway for one that has it.";
