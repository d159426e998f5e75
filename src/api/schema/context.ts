import { type Caller, createCaller, type Origin } from "../../engine/caller.ts";
import type { Services } from "../../engine/engine.ts";
import type { PartServices } from "./part-services.ts";

/** What the resolvers of one operation share. Yoga copies its own properties, so it has no others. */
export type GatewayContext = Caller & {
  readonly parts: PartServices;
};

/** Makes the context of each operation. */
export function createContexts(
  engine: Services,
  parts: PartServices,
): (origin: Origin) => GatewayContext {
  return (origin) => ({ ...createCaller(engine, origin), parts });
}
