import { useEffect, useRef } from "react";

/** The keys of the page. */
export function KeyList({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-label="Keys" onClose={onClose}>
      <h2>Keys</h2>
      <dl>
        <dt>r j g d w</dt>
        <dd>run, jobs, gallery, deployments, webhooks</dd>
        <dt>/</dt>
        <dd>search</dd>
        <dt>↑ ↓ Enter Space</dt>
        <dd>in the jobs: go on, open, select</dd>
        <dt>← →</dt>
        <dd>in the gallery: the picture before and after</dd>
        <dt>i</dt>
        <dd>in the gallery: what made the picture</dd>
        <dt>Ctrl Enter</dt>
        <dd>run what is in the form</dd>
        <dt>Esc</dt>
        <dd>close</dd>
      </dl>
      <form method="dialog">
        <button>Close</button>
      </form>
    </dialog>
  );
}
