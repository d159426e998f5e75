import { useEffect, useLayoutEffect, useRef, useState } from "react";

import type { JobRowFragment } from "../gql";
import { type Draft, emptyDraft, isToken, toDraft, toInput, toLines } from "../model/draft";
import { type Field, withOthers } from "../model/fields";
import { findIssues } from "../model/issues";
import { isText, type JsonObject } from "../model/json";
import { exchange, findSlot, putInto, type Slot } from "../model/place-file";
import { findSeeds, withSeeds } from "../model/seeds";
import { useKept } from "../session/kept";
import { useSession } from "../session/session";
import { useStore } from "../session/store";
import { keyFor, noteChange, unconfirmedOf } from "../session/submit-keys";
import { handed } from "../session/use-hand-over";
import { useViewer } from "../session/viewer";
import { Confirm } from "../ui/confirm";
import { later } from "../ui/later";
import { Unfolding } from "../ui/unfolding";
import { draftOf, drawnOf, formerOf, replaceDraft, toScope } from "./draft-store";
import { DropAnywhere } from "./drop-anywhere";
import { Fields } from "./input-form";
import { SubmitBar } from "./submit-bar";
import { useCheck } from "./use-check";
import { useSubmit } from "./use-submit";

const Code = later(async () => (await import("./code")).Code);

/** How many are made at once to choose from. */
const MANY = 4;
const NO_SCOPE =
  "You may look, but not run anything: your credential lacks the scope jobs:submit. Ask whoever runs this gateway for one that has it.";
const UPLOADING = "The upload has to end first.";
const FILE_LOST = "A file did not get here. Remove it, or choose it again.";
const MISFIT = "can't be used here: there is no field, or no room, for a file of its type.";

/** What to run: the form of one deployment, its button, and the same as code. */
export function Workbench({
  deploymentId,
  fields: known,
  onJobs,
}: {
  readonly deploymentId: string;
  readonly fields: readonly Field[];
  readonly onJobs: (jobs: readonly JobRowFragment[]) => void;
}) {
  const viewer = useViewer();
  const { uploads } = useSession();
  const form = useRef<HTMLFormElement>(null);
  const repetition = useRef<HTMLDialogElement>(null);
  const wanted = useRef<readonly JsonObject[]>([]);
  const [sent, setSent] = useState<Draft | null>(null);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [tries, setTries] = useState(0);
  const [misfit, setMisfit] = useState("");

  const scope = toScope(viewer.id, deploymentId);
  const store = draftOf(scope, known);
  const draft = useKept(store);
  const former = useKept(formerOf(scope));
  const drawn = useKept(drawnOf(scope));
  const fields = withOthers(known, draft);
  const { input: typed, problems } = toInput(fields, draft);
  const seeds = findSeeds(fields, typed);
  const toSent = (nth: number): JsonObject => withSeeds(seeds, typed, drawn, nth);
  const input = toSent(0);
  const text = JSON.stringify(input);

  const { submission, submit } = useSubmit({ scope, deploymentId, onJobs });
  const { attempt, problem, issues: refused } = submission;
  const canSubmit = viewer.may("jobs:submit");
  const { issues: checked, warnings } = useCheck(deploymentId, text, canSubmit);
  const { beside, others } = findIssues(fields, draft, touched, {
    ...{ problems, refused, checked, sent },
  });
  const isRefused = sent !== null && problem !== "" && submission.input === text;
  const files = useStore(uploads.files);
  const tokens = Object.values(draft).flatMap(toLines).filter(isToken);
  const isLost = tokens.some((token) => files.get(token)?.problem !== null);
  const fileHold = isLost ? FILE_LOST : tokens.length > 0 ? UPLOADING : "";
  const hold = canSubmit ? fileHold : NO_SCOPE;

  const change = (next: Draft): void => {
    noteChange();
    setMisfit("");
    store.set(next);
  };
  /** Files, or an address: the first goes where it was meant to go, the others beside it or where room is. */
  const give = (given: readonly (File | string)[], meant: Slot | null): void => {
    for (const [nth, one] of given.entries()) {
      const { name, type } = isText(one) ? { name: one, type: "" } : one;
      const slot = findSlot(fields, store.get(), type, meant, nth === 0);
      if (slot === null) return setMisfit(`${name} ${MISFIT}`);
      const text = isText(one)
        ? one
        : uploads.begin(one, (from, to) => store.set(exchange(store.get(), from, to)));
      change(putInto(store.get(), slot, text));
    }
  };
  const run = (count: number): void => {
    if (hold !== "" || attempt > 0) return;
    setSent(draft);
    setTouched(new Set(fields.map(({ name }) => name)));
    if (problems.size > 0) return setTries((last) => last + 1);
    wanted.current = Array.from({ length: count }, (_, nth) => toSent(nth));
    const isRisky = (one: JsonObject): boolean =>
      unconfirmedOf(scope).find(JSON.stringify(one)) !== undefined;
    if (wanted.current.some(isRisky)) return repetition.current?.showModal();
    send();
  };
  const send = (): void => {
    formerOf(scope).set(null);
    void submit(wanted.current);
  };

  useEffect(() => {
    // What is wrong may be out of sight.
    form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [problem, tries]);
  const given = useStore(handed);
  useLayoutEffect(() => {
    if (given?.deploymentId !== deploymentId) return;
    handed.set(null);
    replaceDraft(scope, known, toDraft(known, given.input));
    scrollTo({ top: 0 });
  }, [given, deploymentId, scope, known]);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const isMeant = event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat;
      if (isMeant && document.querySelector("dialog[open]") === null) run(1);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });

  return (
    <div className="stack run-left">
      <form
        ref={form}
        className="card run-form"
        aria-label="Input"
        noValidate
        onKeyDown={(event) => {
          // A run costs money, so that Enter in a field does not start one; with Ctrl it does.
          if (event.key === "Enter" && event.target instanceof HTMLInputElement)
            event.preventDefault();
        }}
        onSubmit={(event) => {
          event.preventDefault();
          run(1);
        }}
      >
        <Fields
          {...{ fields, draft }}
          issues={beside}
          onChange={(name, value) => change({ ...store.get(), [name]: value })}
          onTouch={(name) => setTouched((names) => new Set([...names, name]))}
          onGive={give}
        />
        <SubmitBar
          {...{ attempt, hold }}
          messages={[misfit, ...(isRefused ? [...others, problem] : [])].filter(Boolean)}
          warnings={warnings.map(({ message }) => message)}
          onMany={seeds.length > 0 ? () => run(MANY) : null}
          onClear={() => {
            replaceDraft(scope, known, emptyDraft(known));
            setTouched(new Set());
            setSent(null);
          }}
          onUndo={former && (() => replaceDraft(scope, known, former))}
        />
      </form>
      <DropAnywhere {...{ fields, draft }} onGive={give} />
      <Confirm
        dialog={repetition}
        title="Run it again all the same?"
        action="Run again"
        onConfirm={send}
      >
        Its last run may have cost money, or still be running. Look for it on RunComfy's dashboard
        first.
      </Confirm>
      <Unfolding className="card run-code" summary={<b>As code</b>}>
        <Code
          {...{ deploymentId, input }}
          idempotencyKey={keyFor(scope, text)}
          isPublic={!viewer.isSignedIn}
        />
      </Unfolding>
    </div>
  );
}
