import { loadConfig as loadConfigOf } from "../../src/config/load-config.ts";
import { grantsOf, loadParts, loadSchemaParts } from "../../src/parts.ts";

/** All that there are. */
export const PARTS = await loadParts();
export const GRANTS = grantsOf(PARTS);
export const ALL_SCOPES = GRANTS.scopes;
export const SCHEMA_PARTS = await loadSchemaParts(PARTS);

/** A configuration of a gateway with all parts. */
export function loadConfig(environment: Parameters<typeof loadConfigOf>[0]) {
  return loadConfigOf(environment, PARTS);
}
