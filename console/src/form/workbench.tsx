import { useCallback, useEffect, useEffectEvent, useMemo, useRef, useState } from "react";

import type { JobRowFragment } from "../gql";
import { Confirm } from "../jobs/confirm";
import { useStore } from "../store";
import { useViewer } from "../viewer";
import { AsCode } from "./as-code";
import { type Draft, emptyDraft, toInput } from "./draft";
import { draftOf, formerOf, replaceDraft, toScope } from "./draft-store";
import { type Field, withOthers } from "./fields";
import { InputForm } from "./input-form";
import type { Issue } from "./issues";
import type { JsonObject } from "./json";
import { keyFor, unconfirmedOf } from "./submit-keys";
import { isTooSoon, noteChange } from "./press";
import { drawnOf, findSeeds, withSeeds } from "./seeds";
import { SubmitBar } from "./submit-bar";
import { useCheck } from "./use-check";
import { useIssues } from "./use-issues";
import { useSubmit } from "./use-submit";

/** How many are made at once to choose from. */
const MANY = 4;
const NONE: readonly Issue[] = [];

/** What to run: the form of one deployment, its button, and the same as code. */
export function Workbench({
  deploymentId,
  fields: given,
  onJobs,
}: {
  readonly deploymentId: string;
  readonly fields: readonly Field[];
  readonly onJobs: (jobs: readonly JobRowFragment[]) => void;
}) {
  const viewer = useViewer();
  const form = useRef<HTMLFormElement>(null);
  const repetition = useRef<HTMLDialogElement>(null);
  const wanted = useRef<readonly JsonObject[]>([]);
  const scope = toScope(viewer.id, deploymentId);
  const store = draftOf(scope, emptyDraft(given));
  const draft = useStore(store);
  const fields = useMemo(() => withOthers(given, draft), [given, draft]);
  const former = useStore(formerOf(scope));
  const [sent, setSent] = useState<Draft | null>(null);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [uploads, setUploads] = useState<ReadonlySet<string>>(new Set());
  const { submission, submit } = useSubmit({ scope, deploymentId, onJobs });

  const drawn = useStore(drawnOf(scope));
  const { input: typed, problems } = useMemo(() => toInput(fields, draft), [fields, draft]);
  const seeds = useMemo(() => findSeeds(fields, typed), [fields, typed]);
  const input = useMemo(() => withSeeds(seeds, typed, drawn), [seeds, typed, drawn]);
  const text = JSON.stringify(input);
  // An answer ends a key, so that the next submit gets another one.
  const idempotencyKey = useMemo(() => keyFor(scope, text), [scope, text, submission]);
  const canSubmit = viewer.may("jobs:submit");
  const check = useCheck(deploymentId, input, !canSubmit);
  const refusal = submission.kind === "refused" ? submission : null;
  const refused = refusal?.issues ?? NONE;
  const checked = check.issues;
  const issues = useIssues({ fields, draft, problems, touched, sent, refused, checked });

  const [tries, setTries] = useState(0);
  useEffect(() => {
    // What is wrong may be out of sight.
    form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [refusal, tries]);

  const run = (count: number): void => {
    if (!canSubmit || uploads.size > 0 || submission.kind === "sending" || isTooSoon()) return;
    setSent(draft);
    setTouched(new Set(fields.map(({ name }) => name)));
    if (problems.size > 0) return setTries((last) => last + 1);
    wanted.current = toInputs(count);
    const isRisky = (one: JsonObject): boolean =>
      unconfirmedOf(scope).find(JSON.stringify(one)) !== undefined;
    if (wanted.current.some(isRisky)) return repetition.current?.showModal();
    send();
  };
  const toInputs = (count: number): readonly JsonObject[] =>
    Array.from({ length: count }, (_, nth) => withSeeds(seeds, typed, drawn, nth));
  const send = (): void => {
    formerOf(scope).set(null);
    void submit(wanted.current);
  };
  const runNow = useEffectEvent(() => run(1));
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const isEnter = event.key === "Enter" && (event.ctrlKey || event.metaKey);
      const isMeant = isEnter && !event.repeat;
      if (isMeant && document.querySelector("dialog[open]") === null) runNow();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);

  const onTouch = useCallback(
    (name: string) => setTouched((names) => (names.has(name) ? names : new Set([...names, name]))),
    [],
  );
  const isSame = sent !== null && refusal?.input === text;
  const warnings =
    submission.kind === "accepted" && submission.input === text
      ? submission.warnings
      : check.warnings;
  return (
    <div className="run-left">
      <InputForm
        ref={form}
        {...{ fields, draft, onTouch }}
        issues={issues.beside}
        onChange={(name, value) => {
          noteChange();
          store.set({ ...store.get(), [name]: value });
        }}
        onBusy={(name, isBusy) =>
          setUploads((names) => new Set([...names, name].filter((one) => isBusy || one !== name)))
        }
        onSubmit={() => run(1)}
      >
        <SubmitBar
          {...{ submission, canSubmit }}
          isUploading={uploads.size > 0}
          messages={refusal && isSame ? [...issues.others, refusal.message] : []}
          warnings={warnings.map(({ message }) => message)}
          onMany={seeds.length > 0 ? () => run(MANY) : null}
          onClear={() => {
            replaceDraft(scope, emptyDraft(fields));
            setTouched(new Set());
            setSent(null);
          }}
          onUndo={former && (() => replaceDraft(scope, former))}
        />
      </InputForm>
      <Confirm
        dialog={repetition}
        title="Run it again all the same?"
        keep="Don't run it"
        action="Run again"
        onConfirm={send}
      >
        Its last run may have cost money, or still be running. Look for it on RunComfy's dashboard
        first.
      </Confirm>
      <AsCode {...{ deploymentId, input, idempotencyKey }} isPublic={!viewer.isSignedIn} />
    </div>
  );
}
