import type { Service } from "../job/upstream.ts";
import type { ErrorMeanings } from "./answer-error.ts";

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

/** What turns models on where they are off. */
export const MODELS_OFF_STEP =
  "Set RUNCOMFY_MODEL_URL to the address of the Model API, which gets the token too.";

/** Whether what fails at this service may be an outage of all of RunComfy. */
export function mayFailForAll(service: Service): boolean {
  return service === "deployments";
}
