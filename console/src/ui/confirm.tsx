import { type ReactNode, type RefObject, useId, useRef, useState } from "react";

import type { JobRowFragment } from "../gql";
import { IS_SANDBOX } from "../session/gateway";

/** What running something again makes. */
export const NEW_JOB = IS_SANDBOX ? "a new job" : "a new job, and paid for";

type Question = {
  readonly title: string;
  readonly children: ReactNode;
  /** What the button says that changes nothing; `Cancel` by default. */
  readonly keep?: string | undefined;
  /** What the button says that does it. */
  readonly action: string;
  /** What a third button says that does it in another way. */
  readonly also?: string | undefined;
  readonly onConfirm: (isAlso: boolean) => void;
};

/** A question before something that can't be taken back; opened by `showModal`. */
export function Confirm({
  dialog,
  title,
  children,
  keep = "Cancel",
  action,
  also,
  onConfirm,
  onClose,
}: Question & {
  readonly dialog: RefObject<HTMLDialogElement | null>;
  readonly onClose?: () => void;
}) {
  const titleId = useId();
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      onClose={({ currentTarget }) => {
        const { returnValue } = currentTarget;
        if (/^(yes|also)$/.test(returnValue)) onConfirm(returnValue === "also");
        currentTarget.returnValue = "";
        onClose?.();
      }}
    >
      <form method="dialog" className="stack">
        <h2 id={titleId}>{title}</h2>
        <p>{children}</p>
        <div className="row">
          <button value="no">{keep}</button>
          <button value="yes" className={also === undefined ? "danger" : "primary"}>
            {action}
          </button>
          {also !== undefined && <button value="also">{also}</button>}
        </div>
      </form>
    </dialog>
  );
}

/** A button that asks first; what it asks is there only meanwhile. */
export function AskFirst({
  label,
  className,
  isDisabled,
  shortcut,
  children,
  ...question
}: Question & {
  readonly label: string;
  readonly className?: string | undefined;
  readonly isDisabled: boolean;
  /** The key that presses it, too. */
  readonly shortcut?: string;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <button
        type="button"
        className={className}
        disabled={isDisabled}
        aria-keyshortcuts={shortcut}
        onClick={() => {
          setAsked(true);
          dialog.current?.showModal();
        }}
      >
        {label}
      </button>
      <Confirm dialog={dialog} {...question} onClose={() => setAsked(false)}>
        {isAsked && children}
      </Confirm>
    </>
  );
}

/** Deletes jobs once that is confirmed. */
export function DeleteButton({
  jobs,
  isBusy,
  onDelete,
}: {
  readonly jobs: readonly JobRowFragment[];
  readonly isBusy: boolean;
  readonly onDelete: () => void;
}) {
  const files = jobs.reduce((sum, { assets }) => sum + assets.length, 0);
  return (
    <AskFirst
      label="Delete"
      isDisabled={isBusy}
      title={jobs.length === 1 ? "Delete this job?" : `Delete ${jobs.length} jobs?`}
      action="Delete"
      onConfirm={onDelete}
    >
      {files > 1 && `All ${files} files go. `}
      What went in, what came out and the files that are kept here will be gone for good.
    </AskFirst>
  );
}
