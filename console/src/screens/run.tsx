import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useQuery } from "urql";
import { Redirect, useLocation } from "wouter";

import type { Viewer } from "../viewer";
import { DEPLOYMENTS } from "../documents";
import { Chooser, NoDeployment } from "../form/chooser";
import { toDraft } from "../form/draft";
import { replaceDraft, toScope } from "../form/draft-store";
import { type Field, readFields } from "../form/fields";
import { JobPanel } from "../form/job-panel";
import { isObject, parseJson } from "../form/json";
import { keep } from "../form/keep";
import { addRecent, recentOf, removeRecent, showRecent } from "../form/recent";
import { RecentStrip } from "../form/recent-strip";
import { Workbench } from "../form/workbench";
import type { DeploymentsQuery, JobRowFragment } from "../gql/graphql";
import { useAgain } from "../parts/use-again";
import { useTitle } from "../parts/use-title";
import { explain } from "../session";
import { useStore } from "../store";
import "./run.css";

type Props = { readonly viewer: Viewer; readonly deploymentId?: string };
type Deployments = DeploymentsQuery["deployments"];

const LAST_USED = "last deployment";

/** Fill in what a deployment takes, run it, and see what comes of it. */
export function Run({ viewer, deploymentId }: Props) {
  const [{ data, error }, ask] = useQuery({ query: DEPLOYMENTS });
  useAgain(ask, !data?.deployments.length);
  useEffect(() => {
    if (deploymentId !== undefined) keep(LAST_USED, deploymentId);
  }, [deploymentId]);

  if (!data) {
    if (!error) return <Skeleton />;
    return (
      <div className="empty">
        <p role="alert">{explain(error)}</p>
        <button onClick={() => ask({ requestPolicy: "network-only" })}>Try again</button>
      </div>
    );
  }
  const { deployments } = data;
  if (deploymentId !== undefined)
    return <Desk {...{ viewer, deployments, deploymentId }} key={deploymentId} />;
  const last = sessionStorage.getItem(LAST_USED);
  const first =
    deployments.find(({ id }) => id === last) ?? deployments.find(needsNoFile) ?? deployments[0];
  return first ? <Redirect to={toPath(first.id)} replace /> : <NoDeployment />;
}

function Desk({
  viewer,
  deployments,
  deploymentId,
}: Required<Props> & { readonly deployments: Deployments }) {
  const [, navigate] = useLocation();
  useTitle(`Run ${deployments.find(({ id }) => id === deploymentId)?.name ?? deploymentId}`);
  const right = useRef<HTMLElement>(null);
  const recent = useStore(recentOf(viewer.id));
  const fieldsOf = useMemo(() => {
    const known = new Map(deployments.map(({ id, inputSchema }) => [id, readFields(inputSchema)]));
    const unknown = readFields(null);
    return (id: string) => known.get(id) ?? unknown;
  }, [deployments]);
  useState(() => takeHandedOver(viewer.id, deploymentId, fieldsOf(deploymentId)));
  const onJob = useCallback(
    (job: JobRowFragment) => {
      addRecent(viewer.id, job);
      // On a phone it stands below the form; once it is drawn, it is tall enough to be scrolled to.
      if (matchMedia("(max-width: 859px)").matches)
        requestAnimationFrame(() => right.current?.scrollIntoView());
    },
    [viewer.id],
  );
  const onGone = useCallback((id: string) => removeRecent(viewer.id, id), [viewer.id]);
  const onUse = ({ deployment, input }: JobRowFragment): void => {
    const draft = toDraft(fieldsOf(deployment.id), input);
    replaceDraft(toScope(viewer.id, deployment.id), draft);
    if (deployment.id !== deploymentId) navigate(toPath(deployment.id));
    scrollTo({ top: 0 });
  };

  return (
    <>
      <h1 className="run-title">Run</h1>
      <Chooser {...{ deployments, deploymentId }} onChoose={(id) => navigate(toPath(id))} />
      <div className="run-desk">
        <Workbench {...{ viewer, deploymentId, onJob }} fields={fieldsOf(deploymentId)} />
        <section ref={right} className="card run-right" aria-label="The job">
          {recent.shown === null ? (
            <div className="run-frame">
              <p>Your picture will stand here. Fill in the form, then press Run.</p>
            </div>
          ) : (
            <JobPanel
              key={recent.shown}
              id={recent.shown}
              submitted={recent.submitted}
              {...{ viewer, fieldsOf, onJob, onUse, onGone }}
            />
          )}
          {recent.ids.length > 0 && (
            <RecentStrip
              ids={recent.ids}
              shown={recent.shown}
              onShow={(id) => showRecent(viewer.id, id)}
              onGone={onGone}
            />
          )}
        </section>
      </div>
    </>
  );
}

/** Puts the input into the form that another screen wants to be run again with changes. */
function takeHandedOver(viewerId: string, deploymentId: string, fields: readonly Field[]): void {
  const scope = toScope(viewerId, deploymentId);
  const name = `draft:${scope}`;
  const handed = parseJson(sessionStorage.getItem(name) ?? "");
  sessionStorage.removeItem(name);
  if (!isObject(handed)) return;
  replaceDraft(scope, toDraft(fields, handed["input"]));
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
