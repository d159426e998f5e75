import { requireScopes } from "../../auth/viewer.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import type { Caller } from "../caller.ts";
import type { Deployment } from "../deployments/catalogue.ts";
import { textProblem } from "../job/input.ts";
import { DEFAULT_KIND, findKindById } from "../runcomfy/kinds/find-kind.ts";
import { findDeploymentOf } from "./deployments.ts";

const MAX_REASON_LENGTH = 500;

/**
 * Pauses a deployment for everybody; where it is paused already, only the reason changes. Rejects with
 * DeploymentNotFoundError, BAD_USER_INPUT or QUOTA_EXCEEDED.
 */
export async function pauseDeployment(
  caller: Caller,
  id: string,
  given: string,
): Promise<Deployment> {
  const { engine, viewer, reads } = caller;
  requireScopes(viewer, "operate");
  const reason = given.trim();
  const problem = reasonProblem(reason);
  if (problem !== null) throw badUserInput(`\`reason\` ${problem}.`);
  await engine.pauser.pauseDeployment(id, reason).finally(() => reads.clear());
  return findOfId(caller, id);
}

/** Resumes a deployment, if it is paused. Rejects with a DeploymentNotFoundError. */
export async function resumeDeployment(caller: Caller, id: string): Promise<Deployment> {
  const { engine, viewer, reads } = caller;
  requireScopes(viewer, "operate");
  await engine.pauser.resumeDeployment(id).finally(() => reads.clear());
  return findOfId(caller, id);
}

/** Why everybody can't be shown a text as the reason, in one line; null where they can. */
function reasonProblem(reason: string): string | null {
  if (reason.length === 0 || reason.length > MAX_REASON_LENGTH)
    return `has to be 1 to ${MAX_REASON_LENGTH} characters long; a sentence serves well`;
  if (/\p{Cc}/u.test(reason)) return "holds a line break or control character; write one line";
  return textProblem(reason);
}

function findOfId(caller: Caller, deploymentId: string): Deployment {
  const { name: kind } = findKindById(deploymentId) ?? DEFAULT_KIND;
  return findDeploymentOf(caller, { deploymentId, kind });
}
