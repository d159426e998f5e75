import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

import { readPage, ROOT } from "./pages.ts";
import { killGroup } from "./spawn-gateway.ts";

/** What a command prints that goes on until it is stopped, where it serves: `npm start` or `npm run dev`. */
const SERVES = /^\W*(?:GraphiQL|Local):? +(http:\/\/[\w.:]+)/m;
const IS_SERVER = /\bnpm (?:start|run dev)$/;
/** What npm needs to get packages. No variable of a gateway is passed on: it may be a token. */
const PASSED_ON =
  /^(?:home|tmpdir|node_extra_ca_certs|(?:https?|no)_proxy|npm_config_(?:cache|registry))$/i;
const ENVIRONMENT = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED_ON.test(name))),
  // The machine's own programs, as a reader has them, and not those of this checkout.
  PATH: (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((one) => !one.includes("node_modules"))
    .join(delimiter),
  npm_config_prefer_offline: "true",
  npm_config_audit: "false",
  PORT: "0",
  SANDBOX_PORT: "0",
  SANDBOX_SPEED: "20",
  NO_COLOR: "1",
};

/** Does in a folder what pages say, as a reader does who copies each block. `source` is what is cloned. */
export function createReader(folder: string, source: string) {
  const running: Terminal[] = [];
  let gateway: string | null = null;

  /** What a reader pastes, but for what takes long: what is to be cloned, installed or packed again is there. */
  function toInput(script: string): string {
    const isPacked = existsSync(join(folder, "gateway/package"));
    const here = script
      .replaceAll("git clone <this repository>", `cp -R '${source}'`)
      .replaceAll(/^npm ci$/gm, `ln -sfn '${ROOT}/node_modules' node_modules`)
      .replaceAll("npm --prefix ../gateway run package", isPacked ? "true" : "$&");
    return gateway === null ? here : here.replaceAll("http://127.0.0.1:4000", gateway);
  }

  return {
    /** Runs a page's blocks in their order, in a new terminal after each server. Returns where these serve. */
    async follow(page: string, cwd = folder): Promise<readonly string[]> {
      const servers: string[] = [];
      for (const script of toScripts(readPage(page))) {
        // The example has the address in its code.
        const environment = gateway === null ? {} : { VITE_GATEWAY: `${gateway}/graphql` };
        const terminal = openTerminal(toInput(script), cwd, { ...ENVIRONMENT, ...environment });
        running.push(terminal);
        const url = await terminal.served;
        if (url === null) continue;
        servers.push(url);
        gateway = /\bnpm start$/.test(script.trimEnd()) ? url : gateway;
      }
      return servers;
    },
    /** What all terminals have printed. */
    printed: (): string => running.map(({ printed }) => printed()).join("\n"),
    /** Ends the servers. */
    async stop(): Promise<void> {
      await Promise.all(running.splice(0).map((terminal) => terminal.end()));
      gateway = null;
    },
  };
}

/** A page as what is typed into one terminal after the other: commands, and files under the names that the text before gives. */
function toScripts(text: string): readonly string[] {
  const scripts = [""];
  let end = 0;
  for (const { 0: block, 1: language = "", 2: content = "", index } of text.matchAll(
    /^```(\w+)\n([^]*?)^```$/gm,
  )) {
    const before = text.slice(end, index);
    end = index + block.length;
    const name = language === "js" ? "mjs" : language;
    const [, path] = before.match(new RegExp(`.*\`([\\w./-]+\\.${name})\``, "s")) ?? [];
    const file = path && `cat > '${path}' <<'END_OF_FILE'\n${content}END_OF_FILE\n`;
    const typed = language === "sh" ? content : (file ?? "");
    scripts.push((scripts.pop() ?? "") + typed);
    if (IS_SERVER.test(typed.trimEnd())) scripts.push("");
  }
  return scripts.filter((script) => script !== "");
}

type Terminal = ReturnType<typeof openTerminal>;

/** Stops at the first command that fails. */
function openTerminal(script: string, cwd: string, env: NodeJS.ProcessEnv) {
  const child = spawn("sh", ["-ec", script], { cwd, env, detached: true });
  const served = Promise.withResolvers<string | null>();
  let printed = "";
  for (const output of [child.stdout, child.stderr])
    output.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      const url = SERVES.exec(printed)?.[1];
      if (url !== undefined) served.resolve(url);
    });
  const closed = new Promise<void>((resolve) => {
    child.once("close", (code) => {
      if (code === 0) served.resolve(null);
      else served.reject(new Error(`Ended with ${code}:\n${script}\n${printed}`));
      resolve();
    });
  });
  child.once("error", served.reject);
  return {
    /** The address of the server that the script ends with; null where it has ended. Rejects where it failed. */
    served: served.promise,
    printed: () => printed,
    async end(): Promise<void> {
      killGroup(child);
      await closed;
    },
  };
}
