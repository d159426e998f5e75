import { execFile, spawn } from "node:child_process";
import { existsSync, globSync, readdirSync, readFileSync, statSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import { PACKAGES } from "../../ops/packages.ts";
import { spawnGateway } from "../support/spawn-gateway.ts";

const ROOT = join(import.meta.dirname, "../..");
/** What needs the types of the client and its hooks. */
const TYPED = `
  import { createGatewayClient, createItem, createKey, createKeys, type GatewayClient, GatewayError, type Job, JOBS, SUBMIT_JOB } from "runcomfy-graphql-client";
  import { createJobList } from "runcomfy-graphql-client/job-list";
  import { createLiveList } from "runcomfy-graphql-client/live-list";
  import { GatewayProvider, useConnection, useGateway, useJob, useJobs, useSubmit } from "runcomfy-graphql-client/react";
  import { verifyWebhook } from "runcomfy-graphql-client/webhooks";
  declare const gateway: GatewayClient;
  declare const secret: string;
  declare const id: string;
  declare const deploymentId: string;
  declare const input: object;
  export const Status = (id: string): Job["status"] | undefined => useJob(id).job?.status;
  // @ts-expect-error There is no such status.
  export const Wrong = () => useJobs({ status: ["DONE"] });
`;
const toScript = (origin: string) => `
  import { createGatewayClient } from "runcomfy-graphql-client";
  const gateway = createGatewayClient({ url: "${origin}/graphql" });
  const deploymentId = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";
  for await (const { status } of gateway.submitAndWatch({ deploymentId, input: { prompt: "A lantern" } }))
    console.log(status);
`;
const MAX_MIB = 110;
const MAX_CLIENT_PACKAGES = 3;
const MAX_CLIENT_MIB = 5;
const INSTALL = ["install", "--silent", "--prefer-offline", "--no-audit", "--no-fund"];

const run = promisify(execFile);
const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));
let parent: string;
/** Where the gateway is installed, with the other two beside it, as they are on npm only once they are published. */
let folder: string;
/** Where the client is installed alone. */
let app: string;
/** Where the sandbox is installed alone. */
let tests: string;
let program: string;

// As they are published and installed, into folders with nothing else.
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "runcomfy-graphql-"));
  await run("npm", ["run", "--silent", "package"], { cwd: ROOT });
  const packing = ["pack", "--silent", "--pack-destination", parent];
  const folders = PACKAGES.map(({ name }) => join(ROOT, "package", name));
  const packed = await run("npm", [...packing, ...folders], { cwd: ROOT });
  const archives = packed.stdout
    .trim()
    .split("\n")
    .map((name) => join(parent, name));
  await copyDependencies(join(parent, "gateway"));
  [app, tests, folder] = await Promise.all([
    install("app", archives.slice(0, 1)),
    install("tests", archives.slice(1, 2)),
    install("gateway", archives),
  ]);
  program = join(folder, "node_modules/.bin/runcomfy-graphql");
}, 300_000);

afterAll(() => rm(parent, { recursive: true, force: true }));

async function install(name: string, archives: readonly string[]): Promise<string> {
  const cwd = join(parent, name);
  await mkdir(cwd, { recursive: true });
  await writeFile(join(cwd, "package.json"), '{ "private": true }');
  await run("npm", [...INSTALL, ...archives], { cwd });
  return cwd;
}

/** What the checkout has for users, so that npm has nothing to unpack that fits, and removes what is not asked for. */
async function copyDependencies(target: string): Promise<void> {
  const locked: readonly [string, Locked][] = Object.entries(
    readJson(join(ROOT, "package-lock.json")).packages,
  );
  // Each with those that lie within it, and without Node.
  const paths = locked.flatMap(([path, { dev, devOptional, link }]) =>
    (dev ?? devOptional ?? link) || !/^node_modules\/(?!node($|-))(@[^/]+\/)?[^/]+$/.test(path)
      ? []
      : path,
  );
  for (const path of paths.filter((one) => existsSync(join(ROOT, one))))
    await cp(join(ROOT, path), join(target, path), { recursive: true });
}

type Locked = { readonly [Mark in "dev" | "devOptional" | "link"]?: boolean };

/** What is installed in a folder, in MiB on a disk with blocks of 4 KiB. */
function measure(cwd: string): number {
  const blocks = globSync("node_modules/**/*", { cwd, withFileTypes: true })
    .filter((entry) => !entry.isSymbolicLink())
    .map((entry) => Math.ceil(statSync(join(entry.parentPath, entry.name)).size / 4_096));
  return blocks.reduce((sum, count) => sum + count, 0) / 256;
}

test("the package holds JavaScript with types and the console, and no Node, and takes less than 110 MiB on disk with what it needs", () => {
  const own = join(folder, "node_modules/runcomfy-graphql");
  const { version, dependencies } = readJson(join(own, "package.json"));
  expect(dependencies).not.toHaveProperty("node");
  for (const { name } of PACKAGES.slice(0, 2)) expect(dependencies[name]).toBe(version);
  const files = globSync("**/*.*", { cwd: own });
  expect(files).toContain("dist/main.js");
  expect(files).toContain("dist/gateway.d.ts");
  expect(files).toContain("console/dist/index.html");
  expect(files).toContain("console/dist/licenses.md");
  expect(files).toEqual(expect.arrayContaining(["ops/alerts.yaml", "ops/dashboard.json"]));
  expect(files.filter((path) => /(?<!\.d)\.tsx?$/.test(path))).toEqual([]);
  expect(measure(folder)).toBeLessThan(MAX_MIB);
});

test("the client brings two packages, and less than 5 MiB on disk", () => {
  const packages = globSync("node_modules/{,@*/}*/package.json", { cwd: app });
  expect(packages.length).toBeLessThanOrEqual(MAX_CLIENT_PACKAGES);
  expect(measure(app)).toBeLessThan(MAX_CLIENT_MIB);
});

test("the sandbox starts alone, and falls into the faults that it is given", async () => {
  const command = join(tests, "node_modules/.bin/runcomfy-sandbox");
  const child = spawn(command, ["--port", "0", "--fault", "rate-limited-429:list*1"]);
  onTestFinished(() => void child.kill());
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  await expect.poll(() => printed).toMatch(/RUNCOMFY_BASE_URL=\S+ /);
  const [, url = ""] = /RUNCOMFY_BASE_URL=(\S+) /.exec(printed) ?? [];
  const list = () =>
    fetch(`${url}/prod/v2/deployments`, { headers: { authorization: "Bearer sandbox" } });
  expect((await list()).status).toBe(429);
  expect(await (await list()).json()).toHaveLength(4);
});

test("it starts with an empty folder, shows the console, and runs a job to its end for its client", async () => {
  const command = [program, "--port", "0", "--database", `file:${folder}/jobs.db`];
  const environment = { SANDBOX_SPEED: "20", FILES_URL: `file:${folder}/files` };
  const gateway = spawnGateway(environment, { command, folder });
  onTestFinished(() => gateway.end());
  const origin = await gateway.url;
  const page = await fetch(`${origin}/run`, { headers: { accept: "text/html" } });
  expect(await page.text()).toContain('<div id="root">');
  const script = join(app, "run-job.mjs");
  await writeFile(script, toScript(origin));
  expect((await run(process.execPath, [script])).stdout).toMatch(/SUCCEEDED\n$/);
  expect(await gateway.kill("SIGTERM")).toEqual({ code: 0, signal: null });
});

test("the client and its hooks have types, and each an example that fits them", async () => {
  const declared = globSync("node_modules/runcomfy-graphql-client/dist/**/*.d.ts", { cwd: app })
    .map((path) => readFileSync(join(app, path), "utf8"))
    .join("\n");
  const names: readonly string[] = [
    ...Object.keys(await import("runcomfy-graphql-client/react")),
    ...Object.keys(await import("runcomfy-graphql-client/webhooks")),
    ...Object.keys(await import("runcomfy-graphql-client/job-list")),
    "createLiveList",
    ...Object.entries(await import("runcomfy-graphql-client")).flatMap(([name, value]) =>
      typeof value === "function" ? [name] : [],
    ),
  ];
  const examples = [
    ...declared.matchAll(
      /@example\n([^]*?)\n \*\/\nexport declare (?:function|class|const) (\w+)/g,
    ),
  ].map(([, text = "", name = ""]) => ({ name, text: text.replaceAll(/^ \* ?/gm, "") }));
  expect(examples.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  const pages = examples.map(
    ({ name, text }) => `export const of_${name} = async () => {\n${text}\n};`,
  );
  await writeFile(join(app, "typed.tsx"), [TYPED, ...pages].join("\n"));
  for (const types of ["@types/react", "@types/node", "csstype"])
    await cp(join(ROOT, `node_modules/${types}`), join(app, `node_modules/${types}`), {
      recursive: true,
    });
  const settings = ["--noEmit", "--strict", "--target", "es2024", "--moduleResolution", "bundler"];
  const check = run(
    join(ROOT, "node_modules/.bin/tsc"),
    [...settings, "--jsx", "react-jsx", "typed.tsx"],
    { cwd: app },
  );
  expect((await check.catch((failure: { readonly stdout: string }) => failure)).stdout).toBe("");
});

test("it starts with traces only where their packages are, and says which", async () => {
  const manifest = readJson(join(ROOT, "package/runcomfy-graphql/package.json"));
  const peers = Object.keys(manifest.peerDependencies);
  expect(Object.keys(manifest.peerDependenciesMeta)).toEqual(peers);
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    FILES_URL: `file:${folder}/files`,
  };
  const gateway = spawnGateway(environment, { command: [program], folder });
  onTestFinished(() => gateway.end());
  expect(await gateway.exit).toEqual({ code: 1, signal: null });
  const command = /npm install [^,]+/.exec(gateway.stderr())?.[0] ?? "";
  expect(command.split(" ").slice(2).toSorted()).toEqual(
    peers.filter((name) => name.startsWith("@opentelemetry/")),
  );
});

test("it keeps what Node has compiled of it beside itself", async () => {
  await run(program, ["--version"], { cwd: folder, env: { PATH: process.env["PATH"] } });
  const kept = readdirSync(join(folder, "node_modules/runcomfy-graphql/.cache"));
  expect(kept).toHaveLength(1);
});

test("it prints its version, prints the schema, makes keys, verifies, and says to run what is there to be run", async () => {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const settings = { cwd: folder, env: { PATH, NODE_COMPILE_CACHE } };
  const print = async (...parameters: readonly string[]) =>
    (await run(program, parameters, settings)).stdout;
  const { version } = readJson(join(ROOT, "package.json"));
  expect(await print("--version")).toBe(`${version}\n`);
  expect(await print("schema")).toContain(readFileSync(join(ROOT, "schema.graphql"), "utf8"));
  expect(await print("key", "create", "--owner", "web")).toMatch(/^rck_/);
  const help = await print("--help");
  const sandbox = { ...settings, env: { ...settings.env, UPSTREAM: "sandbox" } };
  const verified = await run(program, ["verify"], sandbox);
  expect(verified.stdout).toMatch(/^The sandbox answered, .*: 0 different, /);
  expect(help).not.toMatch(/npm (run|start)|package\.json/);
  expect(help).toMatch(
    /^# npx --no -- runcomfy-graphql --port .*--database file:.* key .* schema /s,
  );
  expect(help).toContain("RUNCOMFY_API_TOKEN=");
  const pages = help.match(/\S+\.md\b/g) ?? [];
  expect(pages.length).toBeGreaterThan(2);
  expect(pages.filter((page) => !isAbsolute(page) || !existsSync(page))).toEqual([]);
});
