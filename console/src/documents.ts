/** Everything that the page sends, which the build writes down for gateways with trusted documents. */
export * from "./deployments/deployment-queries.ts";
export * from "./form/form-queries.ts";
export * from "./gallery/gallery-queries.ts";
export * from "./jobs/job-queries.ts";
export * from "./queries.ts";
export * from "./webhooks/webhook-queries.ts";
