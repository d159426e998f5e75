import { requireScopes } from "../../auth/viewer.ts";
import type { Caller } from "../caller.ts";
import type { InputCheck, SubmissionRequest } from "../tracking/submission.ts";

/** What a submit would say of an input. Rejects with a `DeploymentNotFoundError`. */
export async function checkInput(
  { engine, viewer }: Caller,
  request: Pick<SubmissionRequest, "deploymentId" | "spell"> & { readonly input?: unknown },
): Promise<InputCheck & Pick<SubmissionRequest, "deploymentId">> {
  requireScopes(viewer, "jobs:submit");
  const check = await engine.inputChecker.checkInput({ input: null, ...request, viewer });
  return { ...check, deploymentId: request.deploymentId };
}
