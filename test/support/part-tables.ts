import { loadTables } from "../../src/parts.ts";
import { PARTS } from "./parts.ts";

/** The tables of all parts. */
export const PART_TABLES = await loadTables(PARTS);
