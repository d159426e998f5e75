import { loadConfig as loadConfigOf } from "../../src/config/load-config.ts";
import { loadParts, loadSchemaParts, scopesOf } from "../../src/parts.ts";

/** All that there are. */
export const PARTS = await loadParts();
export const ALL_SCOPES = scopesOf(PARTS);
export const SCHEMA_PARTS = await loadSchemaParts(PARTS);

/** A configuration of a gateway with all parts. */
export function loadConfig(environment: Parameters<typeof loadConfigOf>[0]) {
  return loadConfigOf(environment, PARTS);
}
