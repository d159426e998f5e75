import { describe, expect, test } from "vitest";

import { loadConfig, PARTS } from "../support/parts.ts";
import { VARIABLES } from "../../src/config/variables.ts";
import { SetupError } from "../../src/runtime/coded-error.ts";

const JWT = {
  AUTH: "jwt",
  JWT_ISSUER: "https://login.example.com/",
  JWT_AUDIENCE: "gateway",
  JWT_JWKS_URL: "https://login.example.com/jwks",
};
const WITH_TOKEN = { RUNCOMFY_API_TOKEN: "t" };
const KEPT = { ...WITH_TOKEN, KEEP_OUTPUTS: "true", AUTH: "api-keys" };
const PAGES = { hasIntrospection: true, hasGraphiql: true };
const NO_PAGES = { hasIntrospection: false, hasGraphiql: false };

test("an empty environment gives the sandbox, on this machine, with the documented defaults", () => {
  const config = loadConfig({});
  expect(config).toMatchObject({
    host: "127.0.0.1",
    port: 4_000,
    upstream: { kind: "sandbox", port: 4_001, dataFolder: "data/sandbox" },
    databaseUrl: "file:data/gateway.db",
    jobRetentionDays: null,
    files: { url: "file:data/files", areOutputsKept: true, uploadBytes: 50 * 1_048_576 },
    auth: { kind: "none" },
    httpAccess: PAGES,
    limits: { answerBytes: 16 * 1_048_576, http: { bodyBytes: 256 * 1_024, headersBytes: 16_384 } },
    warnings: [],
  });
  expect(Object.isFrozen(config)).toBe(true);
  expect(loadConfig({ RUNCOMFY_API_TOKEN: " ", PORT: "", NODE_ENV: "" })).toEqual(config);
});

test.each([
  [{ UPSTREAM: "sandbox", NODE_ENV: "production" }, "sandbox"],
  [{ UPSTREAM: "sandbox", ...WITH_TOKEN }, "sandbox"],
  [WITH_TOKEN, "runcomfy"],
  [{ ...WITH_TOKEN, NODE_ENV: "production" }, "runcomfy"],
])("the upstream of %o is %s", (environment, kind) => {
  const { upstream, files } = loadConfig(environment);
  expect(upstream.kind).toBe(kind);
  expect(files.areOutputsKept).toBe(kind === "sandbox");
});

test.each([
  [{ ...WITH_TOKEN, PUBLIC_URL: "https://gateway.example.com" }, true],
  [{ ...WITH_TOKEN, PUBLIC_URL: "http://gateway.example.com" }, false],
  [{ ...WITH_TOKEN, PUBLIC_URL: "http://127.0.0.1:4000" }, false],
  [{ PUBLIC_URL: "http://127.0.0.1:4000" }, true],
  [{ PUBLIC_URL: "http://192.168.0.7:4000" }, false],
  [
    {
      ...WITH_TOKEN,
      RUNCOMFY_BASE_URL: "http://localhost:4001",
      PUBLIC_URL: "http://localhost:4000",
    },
    true,
  ],
  [{ PUBLIC_URL: "http://127.0.0.1:4000", UPSTREAM_WEBHOOKS: "false" }, false],
  [WITH_TOKEN, false],
  [{}, false],
])("with %o RunComfy is asked to call at ends: %s", (environment, areUpstreamWebhooksOn) => {
  expect(loadConfig(environment)).toMatchObject({ areUpstreamWebhooksOn });
});

test.each([
  ["file:/var/lib/gateway/jobs.db", "/var/lib/gateway/sandbox", "file:/var/lib/gateway/files"],
  [":memory:", null, null],
  ["postgres://user:password@localhost/jobs", "data/sandbox", "file:data/files"],
])("beside %s are the sandbox's data and files", (DATABASE_URL, dataFolder, url) => {
  expect(loadConfig({ DATABASE_URL })).toMatchObject({ upstream: { dataFolder }, files: { url } });
});

describe("a start is refused", () => {
  test.each([
    [{ NODE_ENV: "production" }, /RUNCOMFY_API_TOKEN must .*NODE_ENV=production.*UPSTREAM=sandbox/],
    [{ UPSTREAM: "runcomfy" }, /RUNCOMFY_API_TOKEN must be set .*UPSTREAM=runcomfy/],
    [{ UPSTREAM: "Sandbox" }, /UPSTREAM must be runcomfy or sandbox, not "Sandbox"/],
    [{ RUNCOMFY_API_TOKEN: "<token>" }, /must be your own token: [^\n]* placeholder[^\n]*\.$/],
    [{ SUBMITS_AT_ONCE: "10001" }, /SUBMITS_AT_ONCE must be a whole number from 1 to 10000, not/],
    [{ DOCUMENT_COST: "2.5" }, /DOCUMENT_COST must be a whole number/],
    [{ REQUESTS_PER_SECOND: "0" }, /REQUESTS_PER_SECOND must be a whole number from 1/],
    [{ FILES_URL: "s3://bucket" }, /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set/],
    [{ SANDBOX_PORT: "4000" }, /SANDBOX_PORT must .* PORT/],
    [{ PORT: "4001", SANDBOX_PORT: "4001" }, /SANDBOX_PORT must .* PORT/],
    [{ SIGN_IN: "key" }, /AUTH must be api-keys or jwt with SIGN_IN=key/],
    [{ ...JWT, SIGN_IN: "true" }, /SIGN_IN must be key, not "true"/],
    [{ ...JWT, JWT_ISSUER: "" }, /JWT_ISSUER must be set/],
    [{ ...JWT, JWT_AUDIENCE: "" }, /JWT_AUDIENCE must be set/],
    [{ ...JWT, JWT_JWKS_URL: "" }, /JWT_JWKS_URL or JWT_PUBLIC_KEY_FILE must be set/],
    [{ ...JWT, JWT_PUBLIC_KEY_FILE: "key.pem" }, /JWT_JWKS_URL must be unset/],
    [{ ...JWT, JWT_JWKS_URL: "http://a.example.com" }, /JWT_JWKS_URL must be an https: URL/],
  ])("with %o", (environment, problem) => {
    expect(() => loadConfig(environment)).toThrow(problem);
  });

  test("with one error that lists every problem, and no secret", () => {
    const act = () =>
      loadConfig({
        PORT: "70000",
        HOST: "not a host",
        RUNCOMFY_API_TOKEN: "se cret",
        RUNCOMFY_BASE_URL: "http://secret.example.com",
        DATABASE_URL: "mysql://secret@localhost",
        FILES_URL: "ftp://secret",
        AWS_ACCESS_KEY_ID: "secret\n",
        AWS_SECRET_ACCESS_KEY: "secret\n",
        AWS_SESSION_TOKEN: "secret\n",
        PUBLIC_URL: "secret",
        JWT_JWKS_URL: "secret",
        JOB_DEADLINE_SECONDS: "soon",
        SANDBOX_SPEED: "-1",
        LOG_LEVEL: "loud",
        GRAPHIQL: "yes",
        ANSWER_MIB: "129",
      });
    expect(act).toThrow(SetupError);
    expect(act).toThrow(
      /^The gateway can't start\. Correct these.*(\n {2}[A-Z_]+ must be .*){16}$/,
    );
    expect(act).toThrow(/LOG_LEVEL must be trace, .* or silent, not "loud"\./);
    expect(act).not.toThrow(/secret|se cret/);
  });
});

test("ports that nobody set, or that take free ones, stand in nobody's way", () => {
  expect(loadConfig({ PORT: "4001" })).toMatchObject({ port: 4_001, upstream: { port: 0 } });
  const free = { PORT: "0", SANDBOX_PORT: "0" };
  expect(loadConfig(free).upstream).toMatchObject({ port: 0 });
  const withToken = { ...WITH_TOKEN, SANDBOX_PORT: "4000" };
  expect(() => loadConfig(withToken)).not.toThrow();
});

test("the upstream is an https: URL, or an http: one on loopback", () => {
  const load = (baseUrl: string) => loadConfig({ ...WITH_TOKEN, RUNCOMFY_BASE_URL: baseUrl });
  for (const baseUrl of `https://api.runcomfy.net http://localhost:4001/base http://[::1]:4001`.split(
    " ",
  ))
    expect(load(baseUrl).upstream).toMatchObject({ baseUrl, token: "t" });
  const others = `http://127.0.0.1.example.com https://user:password@api.runcomfy.net
    https://api.runcomfy.net?x=1 ftp://api.runcomfy.net api.runcomfy.net`;
  for (const baseUrl of others.split(/\s+/))
    expect(() => load(baseUrl), baseUrl).toThrow("RUNCOMFY_BASE_URL");
});

describe("who may come in", () => {
  test("without authentication the gateway may listen on loopback alone, and the problem says what to set", () => {
    for (const HOST of ["127.1.2.3", "LOCALHOST", "::1"])
      expect(loadConfig({ HOST }).auth.kind).toBe("none");
    for (const HOST of ["0.0.0.0", "::", "192.168.1.2", "127.0.0.1.example.com"]) {
      for (const environment of [{ HOST }, { HOST, AUTH: "none" }, { HOST, AUTH: "" }])
        expect(() => loadConfig(environment)).toThrow(
          /AUTH must be api-keys or jwt where HOST .* AUTH=api-keys .*HOST=127\.0\.0\.1/,
        );
      expect(loadConfig({ HOST, AUTH: "api-keys" }).auth.kind).toBe("api-keys");
    }
  });

  test("tokens are checked by keys of a server or of a file", () => {
    const { JWT_JWKS_URL, ...others } = JWT;
    const expected = { kind: "jwt", issuer: JWT.JWT_ISSUER, audience: "gateway" };
    expect(loadConfig(JWT).auth).toMatchObject({ ...expected, jwksUrl: JWT_JWKS_URL });
    const withFile = loadConfig({ ...others, JWT_PUBLIC_KEY_FILE: "key.pem" });
    expect(withFile.auth).toMatchObject({ ...expected, jwksUrl: null, publicKeyFile: "key.pem" });
  });

  test("owners have limits once they are told apart, or where somebody set them", () => {
    const { owner } = loadConfig({ AUTH: "api-keys" }).limits;
    expect(owner).toMatchObject({ requestsPerSecond: 1_000, openUploads: 100 });
    expect(Object.values(owner)).not.toContain(null);
    const { submitsPerMinute, ...others } = loadConfig({ SUBMITS_PER_MINUTE: "7" }).limits.owner;
    expect(submitsPerMinute).toBe(7);
    expect(new Set(Object.values(others))).toEqual(new Set([null]));
  });
});

test("an address that others can't reach is a warning where files are kept for them", () => {
  const sandbox = { AUTH: "api-keys", UPSTREAM: "sandbox" };
  for (const environment of [KEPT, { ...KEPT, HOST: "0.0.0.0" }, sandbox]) {
    const warning = expect.stringMatching(/keptUrl.*Set PUBLIC_URL/);
    expect(loadConfig(environment).warnings).toEqual([warning]);
    const PUBLIC_URL = "https://gateway.example.com";
    expect(loadConfig({ ...environment, PUBLIC_URL }).warnings).toEqual([]);
  }
  for (const good of [{ AUTH: "none" }, { KEEP_OUTPUTS: "false" }, { HOST: "192.168.1.2" }])
    expect(loadConfig({ ...KEPT, ...good }).warnings).toEqual([]);
});

describe("from a browser", () => {
  test("origins are exact, and listed with commas", () => {
    const CORS_ORIGINS = "https://app.example.com, http://localhost:3000";
    const origins = ["https://app.example.com", "http://localhost:3000"];
    expect(loadConfig({ CORS_ORIGINS }).httpAccess.origins).toEqual(origins);
  });

  test("what browsers don't send as an origin is none", () => {
    const others = `* https://*.example.com https://app.example.com/ https://App.example.com null
      https://app.example.com:443 https://user@app.example.com app.example.com ftp://app.example.com`;
    for (const CORS_ORIGINS of others.split(/\s+/))
      expect(() => loadConfig({ CORS_ORIGINS }), CORS_ORIGINS).toThrow(
        "CORS_ORIGINS must be a list",
      );
  });

  test.each(["production", "staging", "Development", "development "])(
    "with NODE_ENV=%s, which is production, pages are shown only where somebody said so",
    (NODE_ENV) => {
      const environment = { ...WITH_TOKEN, NODE_ENV };
      expect(loadConfig(environment).httpAccess).toMatchObject(NO_PAGES);
      const opened = { INTROSPECTION: "true", GRAPHIQL: "true" };
      expect(loadConfig({ ...environment, ...opened }).httpAccess).toMatchObject(PAGES);
    },
  );

  test("a NODE_ENV that is none of the three is production, with a warning that says what to set", () => {
    const warning = expect.stringMatching(
      /^NODE_ENV is "staging", which counts as production: .* Set NODE_ENV to production.*development/,
    );
    const environment = { ...WITH_TOKEN, NODE_ENV: "staging" };
    expect(loadConfig(environment).warnings).toEqual([warning]);
    expect(loadConfig({ ...environment, NODE_ENV: "production" }).warnings).toEqual([]);
    // A start that is refused says it too, as it may be the reason.
    expect(() => loadConfig({ NODE_ENV: "staging" })).toThrow(
      /Correct these variables[^]*\n {2}RUNCOMFY_API_TOKEN must be set with NODE_ENV=staging[^]*\nThis may not be meant:\n {2}NODE_ENV is "staging", which/,
    );
  });
});

function refusalOf(environment: Readonly<Record<string, string>>): string {
  try {
    loadConfig(environment);
  } catch (error) {
    return error instanceof SetupError ? error.message : "";
  }
  return "";
}

function warningsOf(...names: readonly string[]): readonly string[] {
  return loadConfig(Object.fromEntries(names.map((name) => [name, "a value"]))).warnings;
}

test.each([
  ["CORS_ORIGIN", "CORS_ORIGINS"],
  ["CORSORIGINS", "CORS_ORIGINS"],
  ["RUNCOMFY_TOKEN", "RUNCOMFY_API_TOKEN"],
  ["GRAPHQL", "GRAPHIQL"],
  ["BODY_KB", "BODY_KIB"],
  ["port", "PORT"],
  ["PORTT", "PORT"],
  ["PROT", "PORT"],
  ["AUHT", "AUTH"],
])("%s is reported as no variable, with %s as what may be meant", (name, known) => {
  expect(warningsOf(name)).toEqual([
    `${name} is no variable of the gateway and has no effect. Did you mean ${known}?`,
  ]);
});

test("a misspelt variable is one to correct where a start is refused, and advice is not", () => {
  const environment = { ...KEPT, PORTT: "3", SANDBOX_SPEED: "fast" };
  const lines = refusalOf(environment).split("\n");
  expect(lines).toEqual([
    expect.stringContaining("Correct these variables"),
    expect.stringMatching(/^ {2}SANDBOX_SPEED must be/),
    expect.stringMatching(/^ {2}PORTT is no variable/),
    "This may not be meant:",
    expect.stringMatching(/^ {2}Outputs are kept/),
  ]);
});

test("what other programs are set by is none of the gateway's business", () => {
  const others = `
    PATH EDITOR HOME HOSTNAME HOSTTYPE HOSTS LANG LOGNAME MAIL MANPATH OLDPWD PAGER PWD SHELL SHLVL SORT
    TERM TMPDIR TZ USER VISUAL XDG_DATA_HOME POST PORTS XAUTH SSH_AUTH_SOCK COLORTERM DISPLAY CI HOST_IP
    NODE_OPTIONS NODE_PATH NODE_HOME NODE_VERSION NODE_DEBUG NODE_NO_WARNINGS NO_COLOR FORCE_COLOR
    NODE npm_config_cache npm_config_port npm_config_host npm_lifecycle_event npm_package_name INIT_CWD
    PGHOST PGPORT PGUSER PGDATABASE DATABASE_HOST DATABASE_NAME DATABASE_PASSWORD REDIS_URL API_URL
    KUBERNETES_SERVICE_HOST KUBERNETES_PORT GATEWAY_PORT GATEWAY_SERVICE_PORT HTTP_PROXY https_proxy
    JWT_SECRET JWT_KEY LOG_FILE LOG_FORMAT GITHUB_TOKEN AWS_REGION DYNO WEB_CONCURRENCY MEMORY_AVAILABLE
    CLOCK_SHIFT_SECONDS CMP BODY_LIMIT VITEST VITEST_POOL_ID TEST SANDBOX UPSTREAM_URL`;
  expect(warningsOf(...others.trim().split(/\s+/))).toEqual([]);
});

test("no variable of the gateway is taken for another one, and an empty one counts as unset", () => {
  const ofParts = PARTS.flatMap(({ settings = {} }) => Object.keys(settings));
  for (const name of [...Object.keys(VARIABLES.shape), ...ofParts])
    expect(() => loadConfig({ [name]: "" }).warnings).not.toThrow();
  expect(loadConfig({ CORS_ORIGIN: " ", PORT: "0" }).warnings).toEqual([]);
});
