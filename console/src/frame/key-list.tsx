import { useEffect, useRef } from "react";

/** The keys of the page. */
export function KeyList({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-label="Keys" onClose={onClose}>
      <form className="stack" method="dialog">
        <h2>Keys</h2>
        <dl>
          <dt>r j g d w</dt>
          <dd>run, jobs, gallery, deployments, webhooks</dd>
          <dt>/</dt>
          <dd>search</dd>
          <dt>↑ ↓ Enter Space</dt>
          <dd>in the jobs: go on, open, select</dd>
          <dt>← →</dt>
          <dd>in a picture: the one before and after</dd>
          <dt>+ - 0</dt>
          <dd>in a picture: zoom in, out, and back to all of it</dd>
          <dt>i</dt>
          <dd>in a picture: the details of its job</dd>
          <dt>Ctrl Enter</dt>
          <dd>run what is in the form</dd>
          <dt>Esc</dt>
          <dd>close</dd>
        </dl>
        <button>Close</button>
      </form>
    </dialog>
  );
}
