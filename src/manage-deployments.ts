import { stripVTControlCharacters } from "node:util";

import { createCatalogueClient } from "./commands/catalogue-client.ts";
import { runDeploymentsCommand } from "./commands/deployments-command.ts";
import { loadConfig, readEnvironment } from "./config/load-config.ts";
import { createLog } from "./create-log.ts";
import { chance } from "./runtime/environment.ts";
import { startUpstream } from "./engine/runcomfy/start-upstream.ts";
import { entryMembersOf, loadParts } from "./parts.ts";

// `npm run --silent add -- <id>` prints the mutation alone on standard output, and remarks on standard error.
await using opened = new AsyncDisposableStack();
try {
  const { result, remark } = await runDeploymentsCommand(process.argv.slice(2), open);
  if (result !== null) console.log(stripVTControlCharacters(result));
  console.error(stripVTControlCharacters(remark));
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  console.error(stripVTControlCharacters(reason));
  process.exitCode = 1;
}

/** RunComfy, or a sandbox for the time of the command: a gateway that runs here has the usual port and data. */
async function open() {
  const environment = readEnvironment(process.env);
  const { upstream, deploymentsFile, logLevel } = loadConfig(environment);
  const isSandbox = upstream.kind === "sandbox";
  const why = environment["UPSTREAM"] ? "UPSTREAM=sandbox" : "RUNCOMFY_API_TOKEN is not set";
  if (isSandbox)
    console.error(`Asking the sandbox, because ${why}: its models and prices are invented.`);
  const own = upstream.kind === "sandbox" ? { ...upstream, port: 0, dataFolder: null } : upstream;
  const log = createLog({ output: process.stderr, level: logLevel ?? "warn" });
  const asked = await startUpstream({ upstream: own }, { token: chance.uuid(), log });
  opened.defer(() => asked.close());
  const entryMembers = entryMembersOf(await loadParts());
  return { deploymentsFile, entryMembers, client: createCatalogueClient(asked), isSandbox };
}
