import { PartServices } from "../../src/api/schema/part-services.ts";
import type { Catalogue } from "../../src/engine/deployments/catalogue.ts";
import type { Channels } from "../../src/engine/diagnostics/channels.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import type { OpenPart } from "../../src/part.ts";
import { loadFromParts } from "./load-from-parts.ts";

/** What a part gives to resolvers over a store, without what it does in the background. */
export type MakeService = (given: {
  readonly store: JobStore;
  readonly channels: Channels;
  readonly catalogue: Catalogue;
}) => Pick<OpenPart, "service" | "submitOptions" | "costs">;

/** Of each part whose tests say how. */
const MAKERS = await loadFromParts<{ readonly makeService: MakeService }>("make-service.ts");

export function makePartServices(given: Parameters<MakeService>[0]) {
  const services = new PartServices();
  const made = MAKERS.map(({ makeService }) => makeService(given));
  for (const { service } of made) if (service !== undefined) services.add(service);
  const submitOptions = Object.assign({}, ...made.map((one) => one.submitOptions));
  const costs = made.flatMap((one) => one.costs ?? []);
  return { services, submitOptions, costs };
}
