import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseEnv, promisify } from "node:util";

import { pino } from "pino";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

import { loadConfig, PARTS } from "../support/parts.ts";
import { VARIABLES } from "../../src/config/variables.ts";
import { startGateway } from "../../src/gateway.ts";
import { PAGES, readBlocks, readPage, ROOT } from "../support/pages.ts";

const SERVICE = z.object({
  image: z.string(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  stop_grace_period: z.string().optional(),
});
const COMPOSE = z.object({ services: z.record(z.string(), SERVICE) });
const PROMETHEUS = z.object({
  rule_files: z.array(z.string()),
  scrape_configs: z.array(
    z.object({ static_configs: z.array(z.object({ targets: z.array(z.string()) })) }),
  ),
});

const DOCKERFILE = readPage("ops/Dockerfile");
const CADDYFILE = readPage("ops/Caddyfile");
const { services } = COMPOSE.parse(parse(readPage("ops/compose.yaml")));
const gateways = Object.entries(services).filter(([, { image }]) => image === "runcomfy-graphql");

const BLOCKS = readBlocks("docs/deploy.md", "In containers", "sh").join("\n");
const [, ENV = ""] = /^ENV (.+)$/m.exec(DOCKERFILE) ?? [];
const OF_IMAGE = parseEnv(ENV.replaceAll(" ", "\n"));

/** What a gateway finds in its environment, with the file that the page says to write. */
function environmentOf({ environment }: z.infer<typeof SERVICE>) {
  const [, written = ""] = /^cat > ops\/.env <<END\n([^]*?)^END$/m.exec(BLOCKS) ?? [];
  const file = parseEnv(written.replaceAll(/…|\$\(.+\)/g, "secret"));
  const filledIn = Object.entries(environment).map(([name, value]) => [
    name,
    value.replaceAll(
      /\$\{(\w+)(?::-([^}]*)|[^}]*)\}/g,
      (_, variable: string, otherwise = "") => file[variable] ?? otherwise,
    ),
  ]);
  return { ...OF_IMAGE, ...file, ...Object.fromEntries(filledIn) };
}

test("three gateways start with what the compose file and the page on it set", () => {
  expect(gateways).toHaveLength(3);
  for (const [, gateway] of gateways) {
    const known = Object.assign({}, VARIABLES.shape, ...PARTS.map(({ settings }) => settings));
    for (const name of Object.keys(gateway.environment)) expect(known).toHaveProperty(name);
    const config = loadConfig(environmentOf(gateway));
    expect(config.warnings).toEqual([]);
    expect(config.upstream.kind).toBe("runcomfy");
    // What several gateways have to share.
    expect(config.databaseUrl).toMatch(/^postgres:.*@postgres:5432\//);
    expect(config.files.url).toBe("file:/srv/data/files");
    expect(gateway.volumes).toContain("data:/srv/data");
    expect(Number.parseInt(gateway.stop_grace_period ?? "", 10)).toBeGreaterThan(
      config.drainSeconds + 10,
    );
  }
});

test("an env file that leaves NODE_ENV empty does not take production from a container", () => {
  const example = parseEnv(readPage(".env.example"));
  expect(Object.keys(OF_IMAGE).filter((name) => name in example)).toEqual([]);
  const [, given = ""] = /^docker run -d --env-file \.env (.+)$/m.exec(BLOCKS) ?? [];
  expect(given).toContain("-e NODE_ENV=production ");
  for (const [, { environment }] of gateways)
    expect(environment).toHaveProperty("NODE_ENV", "production");
});

test("a port is published on this machine alone, unless somebody says otherwise", () => {
  const ports = Object.values(services).flatMap((service) => service.ports);
  expect(ports.length).toBeGreaterThan(3);
  const reported = PAGES.map(readPage)
    .join("\n")
    .matchAll(/ -p (\S+)/g);
  const published = [...ports, ...[...reported].map(([, port = ""]) => port)];
  const elsewhere = /^(127\.0\.0\.1|\$\{PUBLISH:-127\.0\.0\.1\}):/;
  expect(published.filter((port) => !elsewhere.test(port))).toEqual([]);
});

test("the files that settings name get in by a folder that is mounted for reading", async () => {
  const [block = ""] = readBlocks("docs/deploy.md", "In containers", "ini");
  const named = parseEnv(block);
  expect(Object.keys(named).toSorted()).toEqual([
    "API_KEYS_FILE",
    "DEPLOYMENTS_FILE",
    "JWT_PUBLIC_KEY_FILE",
    "TRUSTED_DOCUMENTS",
  ]);
  const [, folder = ""] = /^WORKDIR (.+)$/m.exec(DOCKERFILE.split("FROM ").at(-1) ?? "") ?? [];
  expect(BLOCKS).toContain(` -v "$PWD/config:${folder}/config:ro" `);
  for (const path of Object.values(named)) expect(path).toMatch(/^config\/[\w.-]+$/);
  for (const [, gateway] of gateways)
    expect(gateway.volumes).toContain(`./config:${folder}/config:ro`);
  // What lies there is in no image, nor in a commit.
  for (const own of ["config", "ops/config"]) {
    expect(readPage(".dockerignore").split("\n")).toContain(own);
    expect(readPage(".gitignore").split("\n")).toContain(`/${own}/`);
  }
});

test("Caddy and Prometheus look for each gateway where it listens", () => {
  const [[, gateway] = []] = gateways;
  if (gateway === undefined) throw new Error("the compose file has no gateway");
  const { port, limits } = loadConfig(environmentOf(gateway));
  const { METRICS_PORT } = gateway.environment;
  const names = gateways.map(([name]) => name);
  const [, upstreams = ""] = /reverse_proxy (.+) \{/.exec(CADDYFILE) ?? [];
  expect(upstreams.split(" ")).toEqual(names.map((name) => `${name}:${port}`));
  // Otherwise Caddy may send a submit on a connection that the gateway is closing.
  const [, idleSeconds] = /keepalive (\d+)s/.exec(CADDYFILE) ?? [];
  expect(Number(idleSeconds)).toBeLessThan(limits.http.idleSeconds);
  const { scrape_configs: scrapes } = PROMETHEUS.parse(parse(readPage("ops/prometheus.yaml")));
  const targets = scrapes.flatMap(({ static_configs: all }) => all.flatMap((one) => one.targets));
  expect(targets).toEqual(names.map((name) => `${name}:${METRICS_PORT}`));
});

test("Caddy is reached over HTTP/3 too, which it offers to browsers", () => {
  const published = Object.values(services).flatMap(({ ports }) => ports);
  expect(published.join(" ")).toMatch(/:443:443 .*:443:443\/udp/);
});

test("every image has its whole version, and Node that of the tests", () => {
  const { dependencies } = JSON.parse(readPage("package.json"));
  const bases = [...DOCKERFILE.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  const node = `node:${dependencies.node}-bookworm-slim`;
  expect(bases).toEqual([node, node]);
  const others = Object.values(services).filter(({ image }) => image !== "runcomfy-graphql");
  expect(others).toHaveLength(3);
  for (const { image } of others) expect(image).toMatch(/:v?\d+\.\d+(\.\d+)?$/);
});

test("every manifest is there before the packages are installed", () => {
  const { workspaces } = JSON.parse(readPage("package.json"));
  const [before = ""] = DOCKERFILE.split("RUN npm ci");
  for (const workspace of workspaces)
    expect(before).toContain(`COPY ${workspace}/package.json ${workspace}/\n`);
});

test("the files that they take from the checkout are there", () => {
  const copied = [...DOCKERFILE.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = ""]) =>
    paths.split(" "),
  );
  const mounted = Object.values(services)
    .flatMap(({ volumes }) => volumes)
    .filter((volume) => volume.startsWith("./"))
    .map((volume) => join("ops", volume.split(":")[0] ?? ""))
    // Its operator makes this one, or Docker does.
    .filter((path) => path !== "ops/config");
  expect(mounted).toHaveLength(3);
  const files = [...copied, ...mounted, "ops/alerts.yaml"];
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

test("the image starts the package's program, and its health check sees whether that serves", async () => {
  const { name } = JSON.parse(readPage("package.json"));
  expect(DOCKERFILE).toContain(`ENTRYPOINT ["${name}"]`);
  const [, command = "[]"] = /^HEALTHCHECK .*CMD (\[.+\])$/m.exec(DOCKERFILE) ?? [];
  const [program, ...parameters] = z.array(z.string()).parse(JSON.parse(command));
  expect(program).toBe("node");
  const gateway = await startGateway(
    loadConfig({ PORT: "0", SANDBOX_PORT: "0", DATABASE_URL: ":memory:" }),
    { log: pino({ level: "silent" }) },
  );
  const env = { PORT: String(gateway.port) };
  const check = () => promisify(execFile)(process.execPath, parameters, { env });
  try {
    await check();
  } finally {
    await gateway.close();
  }
  await expect(check()).rejects.toMatchObject({ code: 1 });
});
