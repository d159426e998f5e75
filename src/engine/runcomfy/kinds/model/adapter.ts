import { findAssets } from "../../../job/asset.ts";
import { isIdentifier } from "../../../job/job.ts";
import { isJsonObject } from "../../../job/json.ts";
import type { Adapter } from "../../adapter.ts";
import { readErrorEnvelope } from "../../answer-error.ts";
import { readCancelRequest, readResultReport, readStatusReport } from "../../wire.ts";
import { isModelId } from "./model-id.ts";

const NOT_READY = 400_005;
/** No run costs more: such an answer is a mistake, and sums have to stay exact. */
const MAX_USD = 1_000_000;

/** Models of the Model API, whose requests are known by their id alone. Its one version is its own. */
export const MODEL_ADAPTER: Adapter = {
  service: "models",
  isId: isModelId,
  takesWebhook: false,
  toSubmitPath: ({ deploymentId }) =>
    isModelId(deploymentId) ? `v1/models/${deploymentId}` : null,
  toRequestPath({ requestId }, call) {
    if (!isIdentifier(requestId)) return null;
    const path = `v1/requests/${requestId}/${call}`;
    return call === "result" ? `${path}?include_cost=true` : path;
  },
  readStatus: readStatusReport,
  readResult(body) {
    const report = readResultReport(body);
    if (report?.kind !== "succeeded" || !isJsonObject(body)) return report;
    const { cost } = body;
    // It may come late. Missing or odd does not mean free.
    const isCost = typeof cost === "number" && cost >= 0 && cost <= MAX_USD;
    return { ...report, cost: isCost ? cost : "not-yet" };
  },
  /** By one source, a result that is not ready is a 400 with a code of its own. */
  readEarlyResult: (body) =>
    readErrorEnvelope(body)?.code === NOT_READY ? { kind: "unfinished", state: "unknown" } : null,
  readCancel: readCancelRequest,
  errors: {
    codes: new Map([
      [400_001, "NOT_FOUND"],
      [400_002, "INSUFFICIENT_FUNDS"],
      [400_004, "UNAUTHORIZED"],
      [10_001, "INSUFFICIENT_FUNDS"],
    ]),
    notTheOwner: new Set([403_001, 403_003]),
    badInput: new Set([400, 422]),
    // The vendor's newest client counts on no other 4xx of a submit but 401, 402 and 403.
    refusing: new Set([10_001, 400_001, 400_002, 400_004, 403_001, 404_001, 422_001]),
  },
  findAssets,
};
