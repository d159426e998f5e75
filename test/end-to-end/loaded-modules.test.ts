import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { runGateway } from "../support/gateway-process.ts";
import { copyProgram } from "../support/spawn-gateway.ts";

/** Prints at the end which packages were loaded. */
const LISTING = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  const names = new Set();
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const [, name] = /.*\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(found.url) ?? [];
      names.add(name ?? (found.url.includes("/sandbox/src/") ? "runcomfy-sandbox" : ""));
      return found;
    },
  });
  process.on("exit", () => console.error("LOADED " + [...names].join(" ") + " "));
`)}`;

/** What a setting, an agent, a file or a query that comes again asks for. */
const WANTED_BY_SOME = [
  "@modelcontextprotocol/server",
  "@opentelemetry/api",
  "ajv",
  "aws4fetch",
  "file-type",
  "graphql-jit",
  "image-size",
  "jose",
  "pg",
  "pino-pretty",
  "prom-client",
  "runcomfy-sandbox",
  "sharp",
];

test("a start loads only what its settings ask for", async () => {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const environment = {
    DATABASE_URL: ":memory:",
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
  };
  const command = ["node", "--import", LISTING, "src/main.ts"];
  const gateway = runGateway(environment, { command, folder: copySources() });
  await gateway.url;
  await gateway.kill("SIGTERM");
  const [, names = ""] = /^LOADED (.*) $/m.exec(gateway.stderr()) ?? [];
  const loaded = names.split(" ");
  expect(loaded).toContain("graphql-yoga");
  expect(WANTED_BY_SOME.filter((name) => loaded.includes(name))).toEqual([]);
});

test("what Node has compiled is kept beside the program, where that can be written", async () => {
  const environment = { DATABASE_URL: ":memory:", NODE_COMPILE_CACHE: "" };
  const command = ["node", "-r", "./src/under-npm.cjs", "src/main.ts", "--version"];
  const folder = copySources();
  expect((await runGateway(environment, { command, folder }).exit).code).toBe(0);
  const kept = readdirSync(join(folder, ".cache"), { recursive: true });
  expect(kept.length).toBeGreaterThan(100);
  const other = copySources();
  writeFileSync(join(other, ".cache"), "");
  const start = runGateway(environment, { command, folder: other });
  expect((await start.exit).code).toBe(0);
  expect(start.stderr()).toBe("");
});

/** Not the bundle that other tests run. */
function copySources(): string {
  const folder = copyProgram();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
