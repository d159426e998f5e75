import { expect, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { VARIABLES } from "../../src/config/variables.ts";

function warningsOf(...names: readonly string[]): readonly string[] {
  return loadConfig(Object.fromEntries(names.map((name) => [name, "a value"]))).warnings;
}

test.each([
  ["CORS_ORIGIN", "CORS_ORIGINS"],
  ["CORSORIGINS", "CORS_ORIGINS"],
  ["DATABASE_URI", "DATABASE_URL"],
  ["RUNCOMFY_TOKEN", "RUNCOMFY_API_TOKEN"],
  ["RUNCOMFY_URL", "RUNCOMFY_BASE_URL"],
  ["GRAPHQL", "GRAPHIQL"],
  ["BODY_KB", "BODY_KIB"],
  ["port", "PORT"],
])("%s is told to be no variable, and that %s may be meant", (name, known) => {
  expect(warningsOf(name)).toEqual([
    `${name} is no variable of the gateway and has no effect. Did you mean ${known}?`,
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
    CLOCK_SHIFT_SECONDS BODY_LIMIT VITEST VITEST_POOL_ID TEST SANDBOX UPSTREAM_URL`;
  expect(warningsOf(...others.trim().split(/\s+/))).toEqual([]);
});

test("no variable of the gateway is taken for another one, and an empty one counts as unset", () => {
  for (const name of Object.keys(VARIABLES.shape))
    expect(() => loadConfig({ [name]: "" }).warnings).not.toThrow();
  expect(loadConfig({ CORS_ORIGIN: " ", PORT: "0" }).warnings).toEqual([]);
});

test("a start that is refused tells of them too, as one may be the reason", () => {
  const environment = { NODE_ENV: "production", RUNCOMFY_TOKEN: "secret" };
  expect(() => loadConfig(environment)).toThrow(
    /RUNCOMFY_TOKEN is no variable .*RUNCOMFY_API_TOKEN\?/,
  );
  expect(() => loadConfig(environment)).not.toThrow("secret");
});
