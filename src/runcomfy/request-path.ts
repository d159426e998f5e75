import { isIdentifier } from "../job/identifier.ts";
import type { RequestReference } from "./runcomfy.ts";

/** The path below the upstream's base URL that submits to a deployment; null when an id would change its shape. */
export function toSubmitPath(apiVersion: string, deploymentId: string): string | null {
  if (!isIdentifier(apiVersion) || !isIdentifier(deploymentId)) return null;
  return `prod/${apiVersion}/deployments/${deploymentId}/inference`;
}

/** The most deployments that one call asks for. */
export const MOST_LISTED_IDS = 50;

/**
 * The path below the upstream's base URL that lists all deployments, or the first 50 of these; ids that would change its
 * shape are left out, and null when none is left. Version 2 is the only one that has the list.
 */
export function toListPath(deploymentIds: readonly string[] | "all"): string | null {
  if (deploymentIds === "all") return "prod/v2/deployments";
  const ids = deploymentIds.filter(isIdentifier).slice(0, MOST_LISTED_IDS);
  return ids.length === 0 ? null : `prod/v2/deployments?${ids.map((id) => `ids=${id}`).join("&")}`;
}

/** The path below the upstream's base URL for one call about a request; null when an id would change its shape. */
export function toRequestPath(
  { apiVersion, deploymentId, requestId }: RequestReference,
  call: "status" | "result" | "cancel",
): string | null {
  if (![apiVersion, deploymentId, requestId].every(isIdentifier)) return null;
  return `prod/${apiVersion}/deployments/${deploymentId}/requests/${requestId}/${call}`;
}
