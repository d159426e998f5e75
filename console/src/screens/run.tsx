import { useCallback, useEffect, useLayoutEffect, useMemo, useRef } from "react";
import { createItem } from "runcomfy-graphql-client";
import { Redirect, useLocation } from "wouter";

import { useQuery } from "../session";
import { DEPLOYMENTS } from "../queries";
import { Chooser, NoDeployment } from "../form/chooser";
import { carry } from "../form/carry";
import { emptyDraft, toDraft } from "../form/draft";
import { draftOf, handed, replaceDraft, takeOver, toScope } from "../form/draft-store";
import { readFields } from "../form/fields";
import { First } from "../form/first";
import { noteChange } from "../form/press";
import { addRecent, recentOf, removeRecent, showRecent } from "../form/recent";
import { findSeeds } from "../form/seeds";
import { useHandOver } from "../form/use-hand-over";
import { Workbench } from "../form/workbench";
import type { DeploymentsQuery, JobRowFragment } from "../gql";
import { Opened } from "../lightbox/opened";
import { later } from "../parts/later";
import { Problem } from "../parts/problem";
import { useAgain } from "../parts/use-again";
import { useTitle } from "../parts/use-title";
import { useStore } from "../store";
import { useViewer } from "../viewer";
import "./run.css";

type Props = { readonly deploymentId?: string };
type Deployments = DeploymentsQuery["deployments"];

const Made = later(async () => (await import("../form/made")).Made, <div className="run-frame" />);

const lastUsed = createItem("last deployment");

/** Fill in what a deployment takes, run it, and see what comes of it. */
export function Run({ deploymentId }: Props) {
  const { data, error, ask } = useQuery(DEPLOYMENTS, {});
  useAgain(ask, !data?.deployments.length);
  useEffect(() => {
    if (deploymentId !== undefined) lastUsed.set(deploymentId);
  }, [deploymentId]);

  if (!data) {
    if (!error) return <Skeleton />;
    return <Problem text={error.message} onRetry={() => void ask()} />;
  }
  const { deployments, isTokenRefused } = data;
  if (deploymentId !== undefined) return <Desk {...{ deployments, deploymentId }} />;
  const last = lastUsed.get();
  const first =
    deployments.find(({ id }) => id === last) ?? deployments.find(needsNoFile) ?? deployments[0];
  return first ? (
    <Redirect to={toPath(first.id)} replace />
  ) : (
    <NoDeployment {...{ isTokenRefused }} />
  );
}

function Desk({
  deployments,
  deploymentId,
}: Required<Props> & { readonly deployments: Deployments }) {
  const [, navigate] = useLocation();
  const viewer = useViewer();
  useTitle(`Run ${deployments.find(({ id }) => id === deploymentId)?.name ?? deploymentId}`);
  const right = useRef<HTMLElement>(null);
  const recent = useStore(recentOf(viewer.id));
  const shown = viewer.mayRead ? recent.shown : recent.submitted.map(({ id }) => id);
  const fieldsOf = useMemo(() => {
    const known = new Map(deployments.map(({ id, inputSchema }) => [id, readFields(inputSchema)]));
    const unknown = readFields(null);
    return (id: string) => known.get(id) ?? unknown;
  }, [deployments]);
  const fill = useCallback(
    (id: string, input: unknown) => {
      replaceDraft(toScope(viewer.id, id), toDraft(fieldsOf(id), input));
    },
    [viewer.id, fieldsOf],
  );
  // What is to be run again with changes, from whatever screen.
  const waiting = useStore(handed);
  useLayoutEffect(() => {
    const input = takeOver(toScope(viewer.id, deploymentId));
    if (input === undefined) return;
    fill(deploymentId, input);
    scrollTo({ top: 0 });
  }, [viewer.id, deploymentId, fill, waiting]);
  /** What was pressed on the right goes with the job that was shown there. */
  const keepFocus = useCallback(() => {
    if (!right.current?.contains(document.activeElement)) return;
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) right.current?.querySelector("button")?.focus();
    });
  }, []);
  const show = (ids: readonly string[]): void => {
    keepFocus();
    showRecent(viewer.id, ids);
  };
  const onJobs = useCallback(
    (jobs: readonly JobRowFragment[]) => {
      keepFocus();
      addRecent(viewer.id, jobs);
      // On a phone it stands below the form; once it is drawn, it is tall enough to be scrolled to.
      if (matchMedia("(max-width: 859px)").matches)
        requestAnimationFrame(() => right.current?.scrollIntoView());
    },
    [viewer.id, keepFocus],
  );
  const onGone = useCallback((id: string) => removeRecent(viewer.id, id), [viewer.id]);
  const handOver = useHandOver();
  const onUse = ({ deployment, input }: JobRowFragment): void => handOver(deployment.id, input);
  const [seed] = findSeeds(fieldsOf(deploymentId), null);
  const onSeed = seed ? (value: number) => setField(seed.name, String(value)) : null;
  const setField = (name: string, value: string): void => {
    const store = draftOf(toScope(viewer.id, deploymentId), {});
    noteChange();
    store.set({ ...store.get(), [name]: value });
  };

  /** What was typed goes along. */
  const choose = (id: string): void => {
    const [from, to] = [deploymentId, id].map((one) => ({
      fields: fieldsOf(one),
      draft: draftOf(toScope(viewer.id, one), emptyDraft(fieldsOf(one))).get(),
    }));
    if (from && to)
      replaceDraft(toScope(viewer.id, id), carry(from.fields, from.draft, to.fields, to.draft));
    navigate(toPath(id));
  };

  return (
    <>
      <h1 className="unseen">Run</h1>
      <Chooser {...{ deployments, deploymentId }} onChoose={choose} />
      <div className="run-desk">
        <Workbench
          key={deploymentId}
          {...{ deploymentId, onJobs }}
          fields={fieldsOf(deploymentId)}
        />
        <section ref={right} className="card run-right" aria-label="The job">
          {shown.length === 0 && (
            <First
              fields={fieldsOf(deploymentId)}
              onPrompt={(prompt) => setField("prompt", prompt)}
              onShow={(id) => show([id])}
            />
          )}
          {(shown.length > 0 || recent.ids.length > 0) && (
            <Made {...{ shown, fieldsOf, onJobs, onUse, onSeed, onGone }} onShow={show} />
          )}
        </section>
      </div>
      {viewer.mayRead && <Opened onDeleted={onGone} />}
    </>
  );
}

/** So that whoever comes for the first time needs words alone. */
function needsNoFile({ inputSchema }: Deployments[number]): boolean {
  const isFile = (kind: string): boolean => kind === "file" || kind === "files";
  return readFields(inputSchema).every(
    ({ isRequired, widget }) => !isRequired || !isFile(widget.kind),
  );
}

/** As large as what it stands for. */
function Skeleton() {
  return (
    <div aria-busy="true" aria-label="Asking for the deployments…">
      <div className="run-chooser" />
      <div className="run-desk">
        <div className="card run-left run-skeleton" />
        <div className="card run-right">
          <div className="run-frame" />
        </div>
      </div>
    </div>
  );
}

function toPath(deploymentId: string): string {
  return `/run/${encodeURIComponent(deploymentId)}`;
}
