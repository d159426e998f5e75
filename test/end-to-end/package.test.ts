import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import { spawnGateway } from "../support/spawn-gateway.ts";

const ROOT = join(import.meta.dirname, "../..");
/** What needs the types of the client and its hooks. */
const TYPED = `
  import { createGatewayClient, type Job } from "runcomfy-graphql-client";
  import { useJob, useJobs } from "runcomfy-graphql-client/react";
  export const gateway = createGatewayClient({ url: "/graphql" });
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
const MAX_MIB = 120;

const run = promisify(execFile);
let folder: string;
let program: string;

// As it is published and installed, into a folder with nothing else.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "runcomfy-graphql-"));
  await run("npm", ["run", "--silent", "package"], { cwd: ROOT });
  const packed = await run("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: join(ROOT, "package"),
  });
  await writeFile(join(folder, "package.json"), '{ "private": true }');
  const archive = join(folder, packed.stdout.trim());
  const install = ["install", "--silent", "--prefer-offline", "--no-audit", "--no-fund", archive];
  await run("npm", install, { cwd: folder });
  program = join(folder, "node_modules/.bin/runcomfy-graphql");
}, 240_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test("the package holds JavaScript with types and the console, and no Node", () => {
  const own = join(folder, "node_modules/runcomfy-graphql");
  const manifest = JSON.parse(readFileSync(join(own, "package.json"), "utf8"));
  expect(manifest.dependencies).not.toHaveProperty("node");
  const files = globSync("**/*.*", { cwd: own });
  expect(files).toContain("dist/main.js");
  expect(files).toContain("dist/gateway.d.ts");
  expect(files).toContain("console/dist/index.html");
  expect(files).toContain("console/dist/licenses.md");
  expect(files).toEqual(expect.arrayContaining(["ops/alerts.yaml", "ops/dashboard.json"]));
  expect(files.filter((path) => /(?<!\.d)\.tsx?$/.test(path))).toEqual([]);
});

test("what is installed with it takes less than 120 MiB", () => {
  const sizes = globSync("node_modules/**/*", { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size);
  expect(sizes.reduce((sum, size) => sum + size, 0) / 1_048_576).toBeLessThan(MAX_MIB);
});

test("it starts with an empty folder, shows the console, and runs a job to its end for its client", async () => {
  const command = [program, "--port", "0", "--database", `file:${folder}/jobs.db`];
  const environment = { SANDBOX_SPEED: "20", FILES_URL: `file:${folder}/files` };
  const gateway = spawnGateway(environment, { command, folder });
  onTestFinished(() => gateway.end());
  const origin = await gateway.url;
  expect(await (await fetch(`${origin}/run`)).text()).toContain('<div id="root">');
  const script = join(folder, "run-job.mjs");
  await writeFile(script, toScript(origin));
  expect((await run(process.execPath, [script])).stdout).toMatch(/SUCCEEDED\n$/);
  expect(await gateway.kill("SIGTERM")).toEqual({ code: 0, signal: null });
});

test("its client and hooks have types", async () => {
  await writeFile(join(folder, "typed.ts"), TYPED);
  for (const types of ["@types/react", "@types/node", "csstype"])
    await cp(join(ROOT, `node_modules/${types}`), join(folder, `node_modules/${types}`), {
      recursive: true,
    });
  const settings = ["--noEmit", "--strict", "--target", "es2024", "--moduleResolution", "bundler"];
  const check = run(join(ROOT, "node_modules/.bin/tsc"), [...settings, "typed.ts"], {
    cwd: folder,
  });
  expect((await check.catch((failure: { readonly stdout: string }) => failure)).stdout).toBe("");
});

test("it starts with traces only where their packages are, and says which", async () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package/package.json"), "utf8"));
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

test("it tells its version, prints the schema, and makes keys", async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  expect((await run(program, ["--version"])).stdout).toBe(`${version}\n`);
  const schema = await run(program, ["schema"]);
  expect(schema.stdout).toContain(readFileSync(join(ROOT, "schema.graphql"), "utf8"));
  const key = await run(program, ["key", "create", "--owner", "web"], { cwd: folder });
  expect(key.stdout).toMatch(/^rck_/);
});

test("what it says to run is there to be run", async () => {
  const tell = async (parameters: readonly string[], environment = {}) => {
    const settings = { cwd: folder, env: { PATH: process.env["PATH"], ...environment } };
    const { stdout, stderr } = await run(program, parameters, settings).catch(
      (failure: { readonly stdout: string; readonly stderr: string }) => failure,
    );
    return stdout + stderr;
  };
  const noFile = { AUTH: "api-keys", API_KEYS_FILE: "none.json", PORT: "0" };
  const texts = await Promise.all([
    tell(["--help"]),
    tell(["key", "--help"]),
    tell(["schema", "--depl"]),
    tell(["keys"]),
    tell([], noFile),
    tell([], { HOST: "0.0.0.0" }),
  ]);
  for (const text of texts) {
    expect(text).toContain("npx runcomfy-graphql");
    expect(text).not.toMatch(/npm (run|start)|package\.json/);
  }
  expect(texts[0]).toMatch(/^# npx runcomfy-graphql --port .*--database file:.* key .* schema /s);
  expect(texts[0]).toContain("RUNCOMFY_API_TOKEN=");
  const pages = texts[0]?.match(/\S+\.md\b/g) ?? [];
  expect(pages.length).toBeGreaterThan(2);
  expect(pages.filter((page) => !isAbsolute(page) || !existsSync(page))).toEqual([]);
});
