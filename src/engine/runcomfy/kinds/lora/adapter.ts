import { findAssets } from "../../../job/asset.ts";
import { isIdentifier } from "../../../job/job.ts";
import type { Adapter } from "../../adapter.ts";
import { DEPLOYMENT_ERRORS } from "../../services.ts";
import { readCancelReport, readResultReport, readStatusReport } from "../../wire.ts";

/** Deployments of LoRAs. */
export const LORA_ADAPTER: Adapter = {
  service: "deployments",
  isId: isIdentifier,
  takesWebhook: true,
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
