import { useCallback, useEffect, useEffectEvent, useMemo, useRef, useState } from "react";

import type { JobRowFragment } from "../gql";
import { Confirm } from "../jobs/confirm";
import { useSession } from "../session";
import { useStore } from "../store";
import { useViewer } from "../viewer";
import { AsCode } from "./as-code";
import { type Draft, emptyDraft, toInput } from "./draft";
import { DropAnywhere } from "./drop-anywhere";
import { draftOf, formerOf, replaceDraft, toScope } from "./draft-store";
import { type Field, withOthers } from "./fields";
import { InputForm } from "./input-form";
import type { Issue } from "./issues";
import type { JsonObject } from "./json";
import { keyFor, unconfirmedOf } from "./submit-keys";
import { exchange, findSlot, isToken, putInto, type Slot, toLines } from "./place-file";
import { isTooSoon, noteChange } from "./press";
import { drawnOf, findSeeds, withSeeds } from "./seeds";
import { SubmitBar } from "./submit-bar";
import { useCheck } from "./use-check";
import { useIssues } from "./use-issues";
import { useSubmit } from "./use-submit";

/** How many are made at once to choose from. */
const MANY = 4;
const UPLOADING = "The upload has to end first.";
const FILE_LOST = "A file did not get here. Remove it, or choose it again.";
const MISFIT = "can't be used here: there is no field, or no room, for a file of its type.";
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
  const { uploads } = useSession();
  const files = useStore(uploads.files);
  const [misfit, setMisfit] = useState("");
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

  const tokens = Object.values(draft).flatMap(toLines).filter(isToken);
  const isLost = tokens.some((token) => files.get(token)?.problem !== null);
  const hold = isLost ? FILE_LOST : tokens.length > 0 ? UPLOADING : "";
  const change = (next: Draft): void => {
    noteChange();
    setMisfit("");
    store.set(next);
  };
  /** The first goes where it was meant to go, the others beside it or where room is. */
  const give = (given: readonly File[], meant: Slot | null): void => {
    for (const [nth, file] of given.entries()) {
      const slot = findSlot(fields, store.get(), file.type, meant, nth === 0);
      if (slot === null) return setMisfit(`${file.name} ${MISFIT}`);
      const token = uploads.begin(file, (from, to) => store.set(exchange(store.get(), from, to)));
      change(putInto(store.get(), slot, token));
    }
  };
  const giveAddress = (address: string, meant: Slot | null): void => {
    const slot = findSlot(fields, store.get(), "", meant, true);
    if (slot) change(putInto(store.get(), slot, address));
  };
  const run = (count: number): void => {
    if (!canSubmit || hold !== "" || submission.kind === "sending" || isTooSoon()) return;
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
        onChange={(name, value) => change({ ...store.get(), [name]: value })}
        onGive={give}
        onSubmit={() => run(1)}
      >
        <SubmitBar
          {...{ submission, canSubmit }}
          hold={hold}
          messages={[
            ...(misfit === "" ? [] : [misfit]),
            ...(refusal && isSame ? [...issues.others, refusal.message] : []),
          ]}
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
      <DropAnywhere {...{ fields, draft }} onFiles={give} onAddress={giveAddress} />
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
