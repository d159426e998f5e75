import { findAssets } from "../../job/asset.ts";
import { isIdentifier } from "../../job/job.ts";
import type { Adapter } from "../adapter.ts";
import type { ErrorMeanings } from "../answer-error.ts";
import { readCancelReport, readResultReport, readStatusReport } from "../wire.ts";

/** What errors of the deployments' service mean, those of its list among them. */
export const DEPLOYMENT_ERRORS: ErrorMeanings = {
  codes: new Map([
    [10_001, "INSUFFICIENT_FUNDS"],
    [10_002, "DEPLOYMENT_DISABLED"],
    [10_003, "DEPLOYMENT_DELETED"],
  ]),
  notTheOwner: new Set([403_003]),
  badInput: new Set([422]),
};

/** Deployments of LoRAs. */
export const LORA: Adapter = {
  service: "deployments",
  toSubmitPath({ apiVersion, deploymentId }, webhook) {
    if (!isIdentifier(apiVersion) || !isIdentifier(deploymentId)) return null;
    const path = `prod/${apiVersion}/deployments/${deploymentId}/inference`;
    return webhook === null ? path : `${path}?webhook=${encodeURIComponent(webhook)}`;
  },
  toRequestPath({ apiVersion, deploymentId, requestId }, call) {
    if (![apiVersion, deploymentId, requestId].every(isIdentifier)) return null;
    return `prod/${apiVersion}/deployments/${deploymentId}/requests/${requestId}/${call}`;
  },
  readStatus: readStatusReport,
  readResult: readResultReport,
  readCancel: readCancelReport,
  errors: DEPLOYMENT_ERRORS,
  findAssets,
};
