import { parseArgs, stripVTControlCharacters } from "node:util";

import { relayMessages } from "./commands/relay-messages.ts";
import { COMMANDS } from "./config/commands.ts";
import { loadConfig } from "./config/load-config.ts";
import { isSafeUrl } from "./config/rules.ts";
import { createLog } from "./create-log.ts";
import { startGateway } from "./gateway.ts";
import { loadParts } from "./parts.ts";
import { SetupError } from "./runtime/coded-error.ts";

const HELP = `${COMMANDS.mcp} --url https://gateway.example.com
    speaks the Model Context Protocol on standard input and output, for programs that start their tools themselves,
    and passes it on to that gateway. A key comes from RUNCOMFY_GATEWAY_KEY.
${COMMANDS.mcp}
    does so with a gateway of its own, which runs the sandbox and forgets everything when it ends.`;

/** A gateway of its own, which other machines can't reach. */
const EMBEDDED = {
  HOST: "127.0.0.1",
  PORT: "0",
  UPSTREAM: "sandbox",
  SANDBOX_PORT: "0",
  DATABASE_URL: ":memory:",
  CONSOLE: "false",
  GRAPHIQL: "false",
  MCP: "true",
};

// What is printed on standard output is the protocol's alone.
try {
  const { url, help } = readParameters();
  if (help === true) console.error(HELP);
  else if (url === undefined) await embed();
  else await relay(toUrl(url), readKey());
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  console.error(stripVTControlCharacters(reason));
  process.exitCode = 1;
}

function readParameters() {
  try {
    const options = { url: { type: "string" }, help: { type: "boolean", short: "h" } } as const;
    return parseArgs({ options }).values;
  } catch {
    throw new SetupError(`The command takes --url and --help.\n${HELP}`);
  }
}

/** Throws a `SetupError` for an address at which somebody on the way could read a key. */
function toUrl(given: string): URL {
  if (!isSafeUrl(given))
    throw new SetupError(
      "--url must be a gateway's https: address, such as https://gateway.example.com, or an http: one on this machine.",
    );
  const url = new URL(given);
  // A proxy may serve the gateway below a path.
  url.pathname = url.pathname.replace(/(?:\/mcp)?\/*$/, "/mcp");
  return url;
}

/** Null if there is none. Throws a `SetupError` for what no header can hold. */
function readKey(): string | null {
  const key = process.env["RUNCOMFY_GATEWAY_KEY"] ?? "";
  if (/^[!-~]*$/.test(key)) return key === "" ? null : key;
  throw new SetupError(
    "RUNCOMFY_GATEWAY_KEY is no key. Set it to a whole key as the gateway printed it, or to a JWT.",
  );
}

async function embed(): Promise<void> {
  const log = createLog({ output: process.stderr, level: "warn" });
  const gateway = await startGateway(loadConfig(EMBEDDED, await loadParts()), { log });
  await relay(new URL("/mcp", gateway.url), null);
  await gateway.close();
}

async function relay(url: URL, key: string | null): Promise<void> {
  await relayMessages({ input: process.stdin, write: (line) => console.log(line), url, key });
}
