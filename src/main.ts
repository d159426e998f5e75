import { stripVTControlCharacters } from "node:util";

import type { Logger } from "pino";
import { pino } from "pino";
import pretty from "pino-pretty";

import type { Config } from "./config/load-config.ts";
import { loadConfig } from "./config/load-config.ts";
import { printHelp } from "./config/print-settings.ts";
import { readEnvironment } from "./config/read-environment.ts";
import type { Gateway } from "./gateway.ts";
import { startGateway } from "./gateway.ts";
import { toLoggedError } from "./logged-error.ts";

const STOP_DEADLINE_MS = 9_500;
/** npm passes on a Ctrl-C that the terminal has sent here already. */
const REPEATED_SIGNAL_MS = 2_000;
const TOKEN_REMARKS = {
  accepted: "",
  refused: " (it does not accept RUNCOMFY_API_TOKEN)",
  unknown: " (it has not said whether it accepts RUNCOMFY_API_TOKEN)",
};

const [parameter] = process.argv.slice(2);
if (parameter === undefined) {
  const starting = start();
  stopOnSignal(starting);
  starting.catch(giveUp);
} else if (parameter === "--help" || parameter === "-h") {
  console.log(printHelp());
} else {
  // What stands behind a = may be a secret.
  const name = parameter.split("=", 1).join();
  giveUp(
    `The gateway takes no ${JSON.stringify(name)}. Settings are variables, as in PORT=4100 npm start; npm start -- --help lists them.`,
  );
}

async function start(): Promise<Gateway> {
  const config = loadConfig(readEnvironment(process.env));
  const log = createLog(config);
  const gateway = await startGateway(config, { log });
  const address = `${gateway.url}/graphql`;
  const { origin, isSandbox, token } = gateway.upstream;
  const database = describeDatabase(config.databaseUrl);
  console.log(`${config.doors.hasGraphiql ? "GraphiQL" : "GraphQL "}  ${address}`);
  console.log(
    isSandbox
      ? `Upstream  the sandbox at ${origin} (for RunComfy see RUNCOMFY_API_TOKEN and UPSTREAM)`
      : `Upstream  ${origin}${TOKEN_REMARKS[token]}`,
  );
  console.log(`Database  ${database}`);
  log.info(
    { graphiql: address, upstream: origin, isSandbox, token, database },
    "The gateway serves.",
  );
  return gateway;
}

/** The first signal closes, another one 2 s later or after that ends at once. */
function stopOnSignal(gateway: Promise<Gateway>): void {
  let firstAt: number | null = null;
  const stop = (): void => {
    if (firstAt === null) {
      firstAt = performance.now();
      setTimeout(() => giveUp("The gateway did not stop in time."), STOP_DEADLINE_MS).unref();
      gateway.then((opened) => opened.close()).then(() => process.exit(0), giveUp);
    } else if (performance.now() - firstAt > REPEATED_SIGNAL_MS) {
      process.exit(1);
    }
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
}

function giveUp(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  const reasons = error instanceof AggregateError ? error.errors.map(String) : [];
  console.error(stripVTControlCharacters([text, ...reasons].join("\n")));
  process.exit(1);
}

/** Standard output has the three lines; the log goes to standard error. On a terminal it starts with warnings. */
function createLog({ logLevel }: Config): Logger {
  const serializers = { err: toLoggedError };
  if (!process.stderr.isTTY)
    return pino({ level: logLevel ?? "info", serializers }, pino.destination(2));
  const options = { destination: 2, sync: true, ignore: "pid,hostname", translateTime: "HH:MM:ss" };
  return pino({ level: logLevel ?? "warn", serializers }, pretty(options));
}

/** What the database is, without the credentials. */
function describeDatabase(databaseUrl: string): string {
  if (databaseUrl === ":memory:") return "in memory; it ends with this process";
  if (databaseUrl.startsWith("file:")) return databaseUrl.slice("file:".length);
  const { host, pathname } = new URL(databaseUrl);
  return `Postgres at ${host}${pathname}`;
}
