import { DOWNLOAD_TABLES } from "../../src/engine/store/downloads.ts";
import { WEBHOOK_TABLES } from "../../src/engine/store/webhook-tables.ts";

/** The tables of all parts. */
export const PART_TABLES = [WEBHOOK_TABLES, DOWNLOAD_TABLES];
