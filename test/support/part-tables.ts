import { WEBHOOK_TABLES } from "../../src/engine/store/webhook-tables.ts";
import { loadTables } from "../../src/parts.ts";
import { PARTS } from "./parts.ts";

/** The tables of all parts. */
export const PART_TABLES = [WEBHOOK_TABLES, ...(await loadTables(PARTS))];
