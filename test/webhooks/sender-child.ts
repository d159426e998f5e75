import { flushCompileCache } from "node:module";

import { succeedWith } from "../support/open-keeper.ts";
import { openSender } from "./open-sender.ts";

/** A gateway's sender in a process of its own, which ends jobs of the owner `o` until it is killed. */
const [databaseUrl = ""] = process.argv.slice(2);
process.once("disconnect", () => process.exit());
// A process that is killed keeps nothing of what Node compiled of it.
flushCompileCache();
const { store, begin } = await openSender({ databaseUrl });
const sender = begin();
for (let count = 0; count < 200 && process.connected; count += 1) {
  await succeedWith(store, []);
  sender.wake();
}
