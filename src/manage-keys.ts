import { stripVTControlCharacters } from "node:util";

import { clock } from "./runtime/environment.ts";
import { runKeyCommand } from "./auth/key-command.ts";
import { readEnvironment } from "./config/load-config.ts";
import { VARIABLES } from "./config/variables.ts";
import { grantsOf, loadParts } from "./parts.ts";

// `npm run --silent key -- create --owner web` prints the new key alone on standard output, and remarks on standard error.
try {
  const file = VARIABLES.shape.API_KEYS_FILE.parse(readEnvironment(process.env)["API_KEYS_FILE"]);
  const { result, remark } = await runKeyCommand(process.argv.slice(2), {
    file,
    ...grantsOf(await loadParts()),
    now: new Date(clock.now()),
  });
  if (result !== null) console.log(result);
  console.error(remark);
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  console.error(stripVTControlCharacters(reason));
  process.exitCode = 1;
}
