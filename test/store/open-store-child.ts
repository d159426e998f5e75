import { pino } from "pino";

import { openStore } from "../../src/engine/store/open-store.ts";

/** A gateway's store in a process of its own: reports to its parent how the opening went, then waits to be killed. */
const [databaseUrl = ""] = process.argv.slice(2);
try {
  await openStore({ upstream: "sandbox", databaseUrl, log: pino({ level: "silent" }) });
  process.send?.("open");
} catch (error) {
  process.send?.(String(error));
}
setInterval(() => undefined, 60_000);
