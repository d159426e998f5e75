import { type ReactNode, type RefObject, useId } from "react";

import { IS_SANDBOX } from "../gateway";

/** What running something again makes. */
export const NEW_JOB = IS_SANDBOX ? "a new job" : "a new job, and paid for";

/** A question before something that can't be taken back; opened by `showModal`. */
export function Confirm({
  dialog,
  title,
  children,
  keep,
  action,
  also,
  onConfirm,
}: {
  readonly dialog: RefObject<HTMLDialogElement | null>;
  readonly title: string;
  readonly children: ReactNode;
  /** What the button says that changes nothing. */
  readonly keep: string;
  /** What the button says that does it. */
  readonly action: string;
  /** What a third button says that does it in another way. */
  readonly also?: string | undefined;
  readonly onConfirm: (isAlso: boolean) => void;
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
      }}
    >
      <form method="dialog">
        <h2 id={titleId}>{title}</h2>
        <p>{children}</p>
        <div className="row">
          <button value="no" autoFocus>
            {keep}
          </button>
          <button value="yes" className={also === undefined ? "danger" : "primary"}>
            {action}
          </button>
          {also !== undefined && <button value="also">{also}</button>}
        </div>
      </form>
    </dialog>
  );
}
