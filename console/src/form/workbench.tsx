import { useEffect, useRef, useState } from "react";

import { useSubmit } from "../actions/use-submit";
import type { JobRowFragment, QueueInput } from "../gql";
import { type Draft, emptyDraft, withInside } from "../model/draft";
import { ALL_AS_JSON, type Field, REST } from "../model/fields";
import { findIssues } from "../model/issues";
import type { JsonObject } from "../model/json";
import { findPrompt } from "../model/prompt";
import { useKept } from "../session/kept";
import { usePrices } from "../session/part";
import { keyFor, toScope, unconfirmedOf } from "../session/submit-keys";
import { useViewer } from "../session/viewer";
import { Confirm } from "../ui/confirm";
import { later } from "../ui/later";
import { Offer } from "../ui/offer";
import { Unfolding } from "../ui/unfolding";
import { countOf, formerOf, replaceDraft } from "./draft-store";
import { DropAnywhere } from "./drop-anywhere";
import { Fields } from "./input-form";
import { SubmitBar } from "./submit-bar";
import { useCheck } from "./use-check";
import { useDraft } from "./use-draft";
import { useEdits } from "./use-edits";

const Code = later(async () => (await import("./code")).Code);
const RecentPrompts = later(async () => (await import("./recent-prompts")).RecentPrompts);

const NO_SCOPE =
  "You may look, but not run anything: your credential lacks the scope jobs:submit. Ask whoever runs this gateway for one that has it.";

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
  const form = useRef<HTMLFormElement>(null);
  const repetition = useRef<HTMLDialogElement>(null);
  const wanted = useRef<readonly JsonObject[]>([]);
  const queue = useRef<QueueInput | null>(null);
  const [sent, setSent] = useState<Draft | null>(null);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [tries, setTries] = useState(0);

  const scope = toScope(viewer.id, deploymentId);
  const { store, draft, former, fields, problems, hasSeeds, toSent } = useDraft(
    scope,
    deploymentId,
    known,
  );
  const prompt = findPrompt(fields);
  const counted = countOf(scope);
  const wish = useKept(counted);
  const count = hasSeeds ? wish : 1;
  const input = toSent(0);
  const text = JSON.stringify(input);

  const { submission, submit } = useSubmit({ scope, deploymentId, onJobs });
  const { attempt, problem, issues: refused } = submission;
  const canSubmit = viewer.may("jobs:submit");
  const { issues: checked, warnings, cost } = useCheck(deploymentId, text, canSubmit);
  const { beside, others } = findIssues(fields, draft, touched, {
    ...{ problems, refused, checked, sent },
  });
  const isRefused = sent !== null && problem !== "" && submission.input === text;
  const hasPrices = usePrices();
  const edits = useEdits(store, fields, known);
  const hold = canSubmit ? edits.hold : NO_SCOPE;

  const run = (waits: QueueInput | null = null): void => {
    if (hold !== "" || attempt > 0) return;
    setSent(draft);
    setTouched(new Set(withInside(fields, draft).map(({ path }) => path)));
    if (problems.size > 0) return setTries((last) => last + 1);
    queue.current = waits;
    wanted.current = Array.from({ length: count }, (_, nth) => toSent(nth));
    const isRisky = (one: JsonObject): boolean =>
      unconfirmedOf(scope).find(JSON.stringify(one)) !== undefined;
    if (wanted.current.some(isRisky)) return repetition.current?.showModal();
    send();
  };
  const send = (): void => {
    formerOf(scope).set(null);
    void submit(wanted.current, queue.current);
  };

  useEffect(() => {
    // What is wrong may be out of sight.
    form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [problem, tries]);
  useRunKey(() => run());

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
          run();
        }}
      >
        <Fields
          {...{ fields, draft }}
          prompts={
            prompt &&
            viewer.mayRead && (
              <Offer name="Recent prompts" className="small end">
                <RecentPrompts
                  deploymentId={deploymentId}
                  name={prompt.name}
                  onTake={(text) => replaceDraft(scope, known, { ...draft, [prompt.path]: text })}
                />
              </Offer>
            )
          }
          issues={beside}
          onChange={(path, value) => edits.change({ ...store.get(), [path]: value })}
          onEdit={(edit, isLoss = false) => {
            const next = edit(store.get());
            if (isLoss) replaceDraft(scope, known, next);
            else edits.change(next);
          }}
          // A form that one only goes through is not corrected yet.
          onTouch={(path) => path in draft && setTouched((paths) => new Set([...paths, path]))}
          onGive={edits.give}
        />
        {known[0]?.name !== REST && (
          <button
            type="button"
            className="small run-all"
            aria-pressed={ALL_AS_JSON in draft}
            onClick={edits.writeAll}
          >
            All as JSON
          </button>
        )}
        <SubmitBar
          {...{ attempt, hold }}
          messages={[edits.misfit, ...(isRefused ? [...others, problem] : [])].filter(Boolean)}
          warnings={warnings.map(({ message }) => message)}
          cost={hasPrices ? cost : null}
          count={count}
          onCount={hasSeeds ? counted.set : null}
          onQueue={run}
          onClear={() => {
            replaceDraft(scope, known, emptyDraft(known));
            setTouched(new Set());
            setSent(null);
          }}
          onUndo={former && (() => replaceDraft(scope, known, former))}
        />
      </form>
      <DropAnywhere {...{ fields, draft }} onGive={edits.give} />
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

/** Ctrl Enter runs it, wherever the focus is but above the page. */
function useRunKey(run: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const isMeant = event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat;
      if (isMeant && document.querySelector("dialog[open], :popover-open") === null) run();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}
