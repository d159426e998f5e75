import { createChannels } from "../../src/engine/diagnostics/channels.ts";

/** The channels for a store or a gateway, whose SQL statements are collected. */
export function collectStatements() {
  const channels = createChannels();
  const statements: string[] = [];
  channels.sql.subscribe((sql) => void statements.push(sql));
  return { channels, statements };
}
