import type { RequestReference } from "./runcomfy.ts";

const ID = /^[A-Za-z0-9_-]{1,128}$/;

/** Whether an id, ours or the upstream's, can be a segment of a path without changing the path's shape. */
export function isPathSegment(value: unknown): value is string {
  return typeof value === "string" && ID.test(value);
}

/** The path below the upstream's base URL that submits to a deployment; null when an id would change its shape. */
export function toSubmitPath(apiVersion: string, deploymentId: string): string | null {
  if (!isPathSegment(apiVersion) || !isPathSegment(deploymentId)) return null;
  return `prod/${apiVersion}/deployments/${deploymentId}/inference`;
}

/** The path below the upstream's base URL for one call about a request; null when an id would change its shape. */
export function toRequestPath(
  { apiVersion, deploymentId, requestId }: RequestReference,
  call: "status" | "result" | "cancel",
): string | null {
  if (![apiVersion, deploymentId, requestId].every(isPathSegment)) return null;
  return `prod/${apiVersion}/deployments/${deploymentId}/requests/${requestId}/${call}`;
}
