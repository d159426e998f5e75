import { flushCompileCache } from "node:module";

import { NOT_KEPT } from "../../../src/engine/job/asset.ts";
import { succeedWith } from "../../support/open-keeper.ts";
import { openSender } from "./open-sender.ts";
import { withUrl } from "./stored-webhooks.ts";

/**
 * A gateway's sender in a process of its own, which ends jobs of the owner `o`, and then settles the one file of each, until
 * it is killed.
 */
const [databaseUrl = "", url = ""] = process.argv.slice(2);
process.once("disconnect", () => process.exit());
// A process that is killed keeps nothing of what Node compiled of it.
flushCompileCache();
const { store, begin } = await openSender({ databaseUrl });
const sender = begin();
for (let count = 0; count < 200 && process.connected; count += 1) {
  await succeedWith(store, ["https://x.example/0.png"], withUrl(url));
  sender.wake();
  const { files } = await store.files.claimDue({ limit: 1, claimMs: 600_000 });
  for (const file of files)
    await store.files.settle(file, { ...NOT_KEPT, state: "FAILED", reason: "gone" });
}
