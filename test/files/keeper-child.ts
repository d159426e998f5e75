import { flushCompileCache } from "node:module";

import { openKeeper } from "../support/open-keeper.ts";

/** A gateway's keeper in a process of its own, which ends jobs with one file each until it is killed. */
const [databaseUrl = "", folder = "", origin = ""] = process.argv.slice(2);
process.once("disconnect", () => process.exit());
// A process that is killed keeps nothing of what Node compiled of it.
flushCompileCache();
const { succeed } = await openKeeper({ databaseUrl, folder, origin, claimMs: 1_000 });
for (let path = 1; process.connected; path += 1) await succeed([`/${process.pid}-${path}`]);
