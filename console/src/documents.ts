/** Everything that the page sends, which the build writes down for gateways with trusted documents. */
export * from "./deployments/deployment-queries.ts";
export * from "./form/form-queries.ts";
export * from "./gallery/gallery-queries.ts";
export * from "./actions/action-queries.ts";
export * from "./session/queries.ts";
export * from "./parts/webhooks/webhook-queries.ts";
