import { stripVTControlCharacters } from "node:util";

import { confirm } from "./commands/confirm.ts";
import { runVerifyCommand } from "./commands/verify-command.ts";
import { WrongUseError } from "./commands/verify/words.ts";
import { COMMANDS } from "./config/commands.ts";
import { loadConfig, readEnvironment } from "./config/load-config.ts";
import { createLog } from "./create-log.ts";
import { SetupError } from "./runtime/coded-error.ts";
import { chance, clock } from "./runtime/environment.ts";
import { startUpstream } from "./engine/runcomfy/start-upstream.ts";

/** npm passes on a Ctrl-C that the terminal has sent here already. */
const REPEATED_SIGNAL_MS = 2_000;

const leaving = new AbortController();
let leftAt = Infinity;
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.on(name, () => {
    if (clock.monotonic() - leftAt > REPEATED_SIGNAL_MS) process.exit(130);
    leftAt = Math.min(leftAt, clock.monotonic());
    leaving.abort();
  });

// The report or the help alone goes to standard output.
await using opened = new AsyncDisposableStack();
try {
  const { stdin: input, stderr: output } = process;
  const { signal } = leaving;
  const { result, exitCode } = await runVerifyCommand(process.argv.slice(2), {
    open,
    confirm:
      input.isTTY && output.isTTY
        ? (question) => confirm(question, { input, output, signal })
        : null,
    print,
    signal,
  });
  console.log(stripVTControlCharacters(result));
  process.exitCode = leaving.signal.aborted ? 130 : exitCode;
} catch (error) {
  print(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof WrongUseError ? 2 : 1;
}

function print(line: string): void {
  console.error(stripVTControlCharacters(line));
}

/** RunComfy with the user's token, or a sandbox for the time of the command, but only where somebody asked for that. */
async function open() {
  const environment = readEnvironment(process.env);
  const { upstream, apiVersion, logLevel } = loadConfig(environment);
  if (upstream.kind === "sandbox" && environment["UPSTREAM"] !== "sandbox")
    throw new SetupError(
      `RUNCOMFY_API_TOKEN is not set, so nothing was sent. Set it to the API token of your RunComfy account, in the environment or in .env. To try the command without an account: UPSTREAM=sandbox ${COMMANDS.verify}`,
    );
  const own = upstream.kind === "sandbox" ? { ...upstream, port: 0, dataFolder: null } : upstream;
  const log = createLog({ output: process.stderr, level: logLevel ?? "warn" });
  const { close, ...asked } = await startUpstream({ upstream: own }, { token: chance.uuid(), log });
  opened.defer(close);
  return { ...asked, apiVersion, isSandbox: upstream.kind === "sandbox" };
}
