import type { IsolationOfPart } from "../../schema/isolation-cases.ts";
import { OWNERS_ALONE } from "../../schema/foreign-job.ts";
import { withUrl } from "./stored-webhooks.ts";

export const isolation: IsolationOfPart = {
  jobFields: "webhookUrl webhookDeliveries { jobId }",
  // Where its owner has it called is the owner's alone.
  foreignJob: withUrl(`https://${OWNERS_ALONE}.example/`),
};
