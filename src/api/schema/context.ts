import type { Caller } from "../../engine/caller.ts";
import type { PartServices } from "./part-services.ts";

/** What the resolvers of one operation share. Yoga copies its own properties, so it has no others. */
export type GatewayContext = Caller & {
  readonly parts: PartServices;
};
