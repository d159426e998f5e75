import { useEffect, useRef } from "react";
import { createItem } from "runcomfy-graphql-client";
import { Redirect, useLocation } from "wouter";

import { Chooser, NoDeployment } from "../form/chooser";
import { draftOf, replaceDraft } from "../form/draft-store";
import { First } from "../form/first";
import { addRecent, recentOf, removeRecent, showRecent } from "../form/recent";
import { Workbench } from "../form/workbench";
import type { DeploymentsQuery, JobRowFragment } from "../gql";
import { Opened } from "../lightbox/opened";
import { carry, fillIn } from "../model/carry";
import { isForFiles, readFields } from "../model/fields";
import { toInput } from "../model/input";
import type { JsonObject } from "../model/json";
import { findSeeds } from "../model/seeds";
import { useKept } from "../session/kept";
import { DEPLOYMENTS } from "../session/queries";
import { useAgain, useQuery } from "../session/session";
import { toScope } from "../session/submit-keys";
import { toFormPath } from "../session/use-hand-over";
import { useViewer } from "../session/viewer";
import { later } from "../ui/later";
import { Problem } from "../ui/problem";
import { useTitle } from "../ui/use-title";
import "./run.css";

type Props = { readonly deploymentId?: string };
type Deployments = DeploymentsQuery["deployments"];

const Made = later(
  async () => (await import("../form/made")).Made,
  <div className="run-frame run-coming" />,
);

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
  if (!first) return <NoDeployment isTokenRefused={isTokenRefused} />;
  return <Redirect to={toFormPath(first.id)} replace />;
}

function Desk({
  deployments,
  deploymentId,
}: Required<Props> & { readonly deployments: Deployments }) {
  const [, navigate] = useLocation();
  const viewer = useViewer();
  const right = useRef<HTMLElement>(null);
  const { ids, together, shown } = useKept(recentOf(viewer.id));
  const isEmpty = shown === null && together.length === 0;
  const find = (id: string) => deployments.find((one) => one.id === id);
  const fieldsOf = (id: string) => readFields(find(id)?.inputSchema);
  const toDraftOf = (id: string) => draftOf(toScope(viewer.id, id), fieldsOf(id));
  const fields = fieldsOf(deploymentId);
  useTitle(`Run ${find(deploymentId)?.name ?? deploymentId}`);

  const show = (id: string | null): void => showRecent(viewer.id, id);
  const onJobs = (jobs: readonly JobRowFragment[]): void => {
    addRecent(viewer.id, [...new Set(jobs.map(({ id }) => id))]);
    // On a phone it stands below the form; once it is drawn, it is tall enough to be scrolled to.
    if (matchMedia("(max-width: 859px)").matches)
      requestAnimationFrame(() => right.current?.scrollIntoView());
  };
  const fill = (values: JsonObject): void => {
    const draft = fillIn(fields, toDraftOf(deploymentId).get(), values);
    replaceDraft(toScope(viewer.id, deploymentId), fields, draft);
  };
  const [seed] = findSeeds(fields, null);
  /** What was typed goes along. */
  const choose = (id: string): void => {
    const to = fieldsOf(id);
    const typed = toDraftOf(deploymentId).get();
    const kept = toDraftOf(id).get();
    const input = carry(to, toInput(fields, typed).input);
    replaceDraft(toScope(viewer.id, id), to, fillIn(to, kept, input));
    navigate(toFormPath(id));
  };

  return (
    <>
      <h1 className="unseen">Run</h1>
      <Chooser {...{ deployments, deploymentId }} onChoose={choose} />
      <div className="run-desk">
        <Workbench key={deploymentId} {...{ deploymentId, fields, onJobs }} />
        <section ref={right} className="card run-right" aria-label="The job">
          {isEmpty && (
            <First fields={fields} onPrompt={(prompt) => fill({ prompt })} onShow={show} />
          )}
          {(!isEmpty || ids.length > 0) && (
            <Made
              onJobs={onJobs}
              onShow={show}
              onSeed={seed ? (value) => fill({ [seed.name]: value }) : null}
            />
          )}
        </section>
      </div>
      {viewer.mayRead && <Opened onDeleted={(id) => removeRecent(viewer.id, id)} />}
    </>
  );
}

/** So that a first-time user needs nothing but words. */
function needsNoFile({ inputSchema }: Deployments[number]): boolean {
  return readFields(inputSchema).every(
    ({ isRequired, widget }) => !isRequired || !isForFiles(widget),
  );
}

/** About as large as what it stands for. */
function Skeleton() {
  return (
    <div aria-busy="true" aria-label="Asking for the deployments…">
      <div className="run-chooser" />
      <div className="run-desk">
        <div className="card run-frame" />
        <div className="card run-frame" />
      </div>
    </div>
  );
}
