/** Everything that the page sends, which the build writes down for gateways with trusted documents. */
export * from "./actions/action-queries.ts";
export * from "./deployments/deployment-queries.ts";
export * from "./form/form-queries.ts";
export * from "./jobs/job-queries.ts";
export * from "./parts/downloads/download-queries.ts";
export * from "./parts/webhooks/webhook-queries.ts";
export * from "./session/queries.ts";
