export type { ClientOptions, Connection } from "./connection.ts";
export { createGatewayClient, type GatewayClient } from "./create-gateway-client.ts";
export type { TypedDocument } from "./documents.ts";
export {
  CANCEL_JOB,
  CREATE_UPLOAD,
  DOCUMENTS,
  JOB_UPDATED,
  JOBS,
  JOBS_UPDATED,
  SUBMIT_JOB,
} from "./documents.ts";
export { GatewayError } from "./gateway-error.ts";
export type { JobFieldsFragment, JobFilter, JobStatus, QueueInput } from "./gql.ts";
export { createItem, createKey, createKeys } from "./idempotency-keys.ts";
export { JOB_FIELDS } from "./job-fields.ts";
export { MAX_ATTEMPTS } from "./until-answered.ts";
export type { Job, Sink } from "./watch.ts";
