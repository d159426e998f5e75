import { fileURLToPath } from "node:url";
import { parseArgs, stripVTControlCharacters } from "node:util";

import type { Logger } from "pino";

import { clock } from "./runtime/environment.ts";
import { COMMANDS } from "./config/commands.ts";
import { loadConfig, readEnvironment } from "./config/load-config.ts";
import { printEnvExample } from "./config/print-settings.ts";
import { createLog } from "./create-log.ts";
import type { Gateway } from "./gateway.ts";
import { readVersion, startGateway } from "./gateway.ts";
import type { GatewayConfig } from "./open-parts.ts";
import type { Part } from "./part.ts";
import { loadParts } from "./parts.ts";

/** After the time in which it drains. */
const STOP_DEADLINE_MS = 9_400;
/** How long a reader has for the last lines. */
const LAST_LINES_MS = 500;
/** npm passes on a Ctrl-C that the terminal has sent here already. */
const REPEATED_SIGNAL_MS = 2_000;
const USAGE = `Its other settings are variables, in the environment or in .env. See all of them, and the other commands, with: ${COMMANDS.start} --help`;
const DOCS = fileURLToPath(new URL("../docs", import.meta.url));
/** Comments, as what follows is meant to be copied as .env. */
const HELP = `# ${COMMANDS.start} --port 4100 --database file:data/gateway.db
#   starts the gateway; both may be left out, and stand for PORT and DATABASE_URL.
# ${COMMANDS.start} --version
# ${COMMANDS.key} --help
#   says how to make, list and revoke API keys.
# ${COMMANDS.schema} --deployments my.json
#   prints the GraphQL schema.
# ${COMMANDS.add} --help
#   says how to find models, add them to your deployments, and see what has changed since.
# ${COMMANDS.verify} --help
#   says how to compare what the gateway relies on with what RunComfy answers.
`;
const TOKEN_REMARKS = {
  accepted: "",
  refused: " (it does not accept RUNCOMFY_API_TOKEN)",
  unknown: " (it has not said whether it accepts RUNCOMFY_API_TOKEN)",
};

// The gateway goes on without a reader.
for (const output of [process.stdout, process.stderr]) output.on("error", () => undefined);
const parameters = readParameters();
// Without what was given, which may be a secret.
if (parameters === null)
  giveUp(`The gateway takes --port, --database, --help and --version. ${USAGE}`);
else if (parameters.help === true)
  console.log(`${HELP}\n${printEnvExample(await loadParts(), DOCS)}`);
else if (parameters.version === true) console.log(readVersion());
else run(parameters, await loadParts());

function readParameters() {
  try {
    const options = {
      port: { type: "string" },
      database: { type: "string" },
      help: { type: "boolean", short: "h" },
      version: { type: "boolean" },
    } as const;
    return parseArgs({ options }).values;
  } catch {
    return null;
  }
}

function run(
  { port, database }: { readonly port?: string; readonly database?: string },
  parts: readonly Part[],
): void {
  try {
    const given = { ...(port && { PORT: port }), ...(database && { DATABASE_URL: database }) };
    const environment = readEnvironment({ ...process.env, ...given });
    const config = loadConfig(environment, parts);
    // OpenTelemetry's packages read variables of their own, which may be in .env.
    for (const [name, value] of Object.entries(environment))
      if (name.startsWith("OTEL_")) process.env[name] = value;
    const log = createLog({ output: process.stderr, level: config.logLevel });
    const starting = start(config, log);
    starting.catch(giveUp);
    stopInOrder(starting, config.drainSeconds * 1_000, log);
  } catch (error) {
    giveUp(error);
  }
}

async function start(config: GatewayConfig, log: Logger): Promise<Gateway> {
  const gateway = await startGateway(config, { log });
  const address = `${gateway.url}/graphql`;
  const { origin, isSandbox, token } = gateway.upstream;
  const database = describeDatabase(config.databaseUrl);
  const upstream = isSandbox
    ? `the sandbox at ${origin} (for RunComfy see RUNCOMFY_API_TOKEN and UPSTREAM)`
    : `${origin}${TOKEN_REMARKS[token]}`;
  for (const [title, url] of gateway.urls) console.log(`${title.padEnd(9)} ${url}`);
  console.log(`${config.httpAccess.hasGraphiql ? "GraphiQL" : "GraphQL "}  ${address}`);
  console.log(`Upstream  ${upstream}\nDatabase  ${database}`);
  const urls = Object.fromEntries(gateway.urls);
  log.info(
    { url: address, urls, upstream: origin, isSandbox, token, database },
    "The gateway serves.",
  );
  return gateway;
}

/**
 * Closes the gateway at the first signal, or when nothing catches an error. A further signal, from 2 s on, ends the
 * process at once, and so does a further error.
 */
function stopInOrder(gateway: Promise<Gateway>, drainMs: number, log: Logger): void {
  const draining = new AbortController();
  let stoppingSince: number | null = null;
  let hasThrown = false;

  function stop(): void {
    if (stoppingSince !== null) return;
    stoppingSince = clock.monotonic();
    log.info("The gateway stops.");
    const drained = clock.sleep(drainMs, { signal: draining.signal }).catch(() => undefined);
    void drained
      .then(() => clock.sleep(STOP_DEADLINE_MS))
      .then(() => giveUp("The gateway did not stop in time."));
    const close = (opened: Gateway): Promise<void> =>
      opened.close(drained).then(() => {
        log.info("The gateway has stopped.");
        return end(hasThrown ? 1 : 0);
      }, giveUp);
    // A start that fails gives up by itself.
    gateway.then(close, () => undefined);
  }

  function onSignal(): void {
    if (clock.monotonic() - (stoppingSince ?? Infinity) > REPEATED_SIGNAL_MS) process.exit(1);
    stop();
  }

  function onThrown(error: unknown): void {
    log.fatal(
      { err: error },
      "Nothing caught an error, so the gateway stops. Start the gateway again, and report this line.",
    );
    if (hasThrown) process.exit(1);
    hasThrown = true;
    // After an uncaught error the state is unknown.
    draining.abort();
    stop();
  }

  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  process.on("uncaughtException", onThrown).on("unhandledRejection", onThrown);
}

function giveUp(error: unknown): void {
  console.error(stripVTControlCharacters(toReasons(error).join("\n")));
  void end(1);
}

/** What failed, each in its words: of several things that could not be closed, the first first. */
function toReasons(error: unknown): readonly string[] {
  if (error instanceof SuppressedError)
    return [...toReasons(error.suppressed), ...toReasons(error.error)];
  return [error instanceof Error ? error.message : String(error)];
}

/** Ends the process once the last lines are read, or their reader has taken too long. */
async function end(code: 0 | 1): Promise<never> {
  const isWritten = [process.stdout, process.stderr].map(
    (output) => new Promise((resolve) => output.write("", resolve)),
  );
  await Promise.race([Promise.all(isWritten), clock.sleep(LAST_LINES_MS)]);
  process.exit(code);
}

/** Names the database, without its credentials. */
function describeDatabase(databaseUrl: string): string {
  if (databaseUrl === ":memory:") return "in memory; it ends with this process";
  if (databaseUrl.startsWith("file:")) return databaseUrl.slice("file:".length);
  const { host, pathname } = new URL(databaseUrl);
  return `Postgres at ${host}${pathname}`;
}
