import { isIdentifier } from "../job/identifier.ts";
import type { RequestReference } from "./runcomfy.ts";

/** The path below the upstream's base URL that submits to a deployment; null when an id would change its shape. */
export function toSubmitPath(apiVersion: string, deploymentId: string): string | null {
  if (!isIdentifier(apiVersion) || !isIdentifier(deploymentId)) return null;
  return `prod/${apiVersion}/deployments/${deploymentId}/inference`;
}

/** The path below the upstream's base URL for one call about a request; null when an id would change its shape. */
export function toRequestPath(
  { apiVersion, deploymentId, requestId }: RequestReference,
  call: "status" | "result" | "cancel",
): string | null {
  if (![apiVersion, deploymentId, requestId].every(isIdentifier)) return null;
  return `prod/${apiVersion}/deployments/${deploymentId}/requests/${requestId}/${call}`;
}
