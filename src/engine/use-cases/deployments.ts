import { readableOwner, type Viewer } from "../../auth/viewer.ts";
import type { Caller } from "../caller.ts";
import { type Deployment, runsUnlisted, toUnlisted } from "../deployments/catalogue.ts";
import type { Job } from "../job/job.ts";
import { DEFAULT_KIND } from "../runcomfy/kinds/find-kind.ts";
import type { UpstreamList } from "../runcomfy/live-deployments.ts";

/** The deployment that a job names, whether it is listed or not. */
export function findDeploymentOf(
  { engine, viewer }: Caller,
  { deploymentId: id, kind }: Pick<Job, "deploymentId" | "kind">,
): Deployment {
  const { catalogue, live } = engine;
  const listed = seesAll(viewer) ? live.lastList() : NOTHING;
  return catalogue.find(id) ?? { ...toOther(id, listed), kind };
}

/** Those that the viewer may submit to, as far as the gateway knows them. */
export async function listDeployments(caller: Caller): Promise<readonly Deployment[]> {
  const { deployments, hasOthers } = caller.engine.catalogue;
  if (!hasOthers) return deployments;
  const listed = await listUpstream(caller);
  const named = await caller.engine.store.jobs.listDeploymentIds(readableOwner(caller.viewer));
  // What is not in the catalogue can't be of another kind.
  const ids = [...listed.keys(), ...named.filter(DEFAULT_KIND.adapter.isId)];
  const others = new Set(ids.filter((id) => isOffered(caller, id)));
  for (const { id } of deployments) others.delete(id);
  return [...deployments, ...[...others].map((id) => toOther(id, listed))];
}

/** One of these; null if there is none. */
export async function findDeployment(caller: Caller, id: string): Promise<Deployment | null> {
  const { catalogue, live } = caller.engine;
  const known = catalogue.find(id);
  if (known !== null || !catalogue.hasOthers || !DEFAULT_KIND.adapter.isId(id)) return known;
  const listed = await listUpstream(caller);
  // What seems a workflow may turn out to be none.
  if (live.lastList().has(id)) await live.findKind(id);
  if (!isOffered(caller, id)) return null;
  const exists = listed.has(id) || (await caller.reads.deployments.load(id));
  return exists ? toOther(id, listed) : null;
}

/** Whether a submit takes what is not in the catalogue: nothing that seems a workflow, even for those who see the list. */
function isOffered({ engine: { live } }: Caller, id: string): boolean {
  return runsUnlisted(live.lastList().get(id)?.kind ?? DEFAULT_KIND.name);
}

/** RunComfy lists everything in the account, so only a viewer who reads everybody's jobs sees it. */
async function listUpstream({ engine, viewer }: Caller): Promise<UpstreamList> {
  return seesAll(viewer) ? await engine.live.list() : NOTHING;
}

function toOther(id: string, listed: UpstreamList): Deployment {
  const { kind, name } = listed.get(id) ?? {};
  return { ...toUnlisted(id), ...(kind && { kind }), name: name ?? id };
}

function seesAll(viewer: Viewer): boolean {
  return readableOwner(viewer) === undefined;
}

const NOTHING: UpstreamList = new Map();
