import { describe, expect, test } from "vitest";

import { SetupError } from "../../src/runtime/coded-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";

describe("the configuration", () => {
  test("an empty environment gives the documented defaults and the sandbox", () => {
    const config = loadConfig({});
    expect(config).toEqual({
      host: "127.0.0.1",
      port: 4_000,
      metricsPort: null,
      traces: null,
      drainSeconds: 0,
      upstream: {
        kind: "sandbox",
        name: "sandbox",
        port: 4_001,
        speed: 1,
        dataFolder: "data/sandbox",
        filesExpireSeconds: 604_800,
      },
      apiVersion: "v1",
      databaseUrl: "file:data/gateway.db",
      deploymentsFile: null,
      jobDeadlineSeconds: 86_400,
      submitTimeoutSeconds: 10,
      submitsAtOnce: 100,
      submitMarginSeconds: 5,
      pollsAtOnce: 256,
      pollCostSeconds: 0.02,
      outageBackOffSeconds: 8,
      jobRetentionDays: null,
      files: {
        url: "file:data/files",
        credentials: { accessKeyId: "", secretAccessKey: "", sessionToken: null },
        publicUrl: null,
        uploadBytes: 52_428_800,
        isMetadataStripped: false,
        areOutputsKept: true,
        keepBytes: 2_147_483_648,
      },
      auth: {
        kind: "none",
        apiKeysFile: "data/api-keys.json",
        jwksUrl: null,
        publicKeyFile: "",
        issuer: "",
        audience: "",
      },
      httpAccess: {
        origins: null,
        hasIntrospection: true,
        hasGraphiql: true,
        hasConsole: true,
        trustedDocumentsFile: null,
      },
      limits: {
        document: { tokens: 5_000, cost: 15_000 },
        answerBytes: 16_777_216,
        unreadBytes: 536_870_912,
        http: {
          bodyBytes: 262_144,
          headersBytes: 16_384,
          requestSeconds: 20,
          idleSeconds: 20,
          connections: 20_000,
        },
        webSocket: {
          initSeconds: 20,
          messageBytes: 262_144,
          operationsPerSocket: 500,
          sockets: 20_000,
          subscriptions: 50_000,
        },
        owner: {
          requestsPerSecond: null,
          submitsPerMinute: null,
          jobsInFlight: null,
          jobsPerDay: null,
          sockets: null,
          subscriptions: null,
          uploadMibPerDay: null,
          openUploads: null,
        },
      },
      logLevel: null,
      warnings: [],
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  test("a token takes RunComfy, and an empty one does not", () => {
    expect(loadConfig({ RUNCOMFY_API_TOKEN: "secret" }).upstream).toEqual({
      kind: "runcomfy",
      name: "https://api.runcomfy.net",
      baseUrl: "https://api.runcomfy.net",
      token: "secret",
    });
    expect(loadConfig({ RUNCOMFY_API_TOKEN: " ", PORT: "" })).toEqual(loadConfig({}));
  });

  test.each([
    [{}, "sandbox"],
    [{ UPSTREAM: "sandbox" }, "sandbox"],
    [{ UPSTREAM: "sandbox", RUNCOMFY_API_TOKEN: "t" }, "sandbox"],
    [{ UPSTREAM: "sandbox", NODE_ENV: "production" }, "sandbox"],
    [{ UPSTREAM: "sandbox", NODE_ENV: "production", RUNCOMFY_API_TOKEN: "t" }, "sandbox"],
    [{ RUNCOMFY_API_TOKEN: "t" }, "runcomfy"],
    [{ RUNCOMFY_API_TOKEN: "t", NODE_ENV: "production" }, "runcomfy"],
    [{ UPSTREAM: "runcomfy", RUNCOMFY_API_TOKEN: "t" }, "runcomfy"],
  ])("the upstream of %o is %s", (environment, kind) => {
    expect(loadConfig(environment).upstream.kind).toBe(kind);
  });

  test.each([
    [
      { NODE_ENV: "production" },
      /RUNCOMFY_API_TOKEN must be set .*NODE_ENV=production.*UPSTREAM=sandbox/,
    ],
    [{ NODE_ENV: "production", RUNCOMFY_API_TOKEN: " " }, /RUNCOMFY_API_TOKEN must be set/],
    [{ UPSTREAM: "runcomfy" }, /RUNCOMFY_API_TOKEN must be set .*UPSTREAM=runcomfy/],
    [{ UPSTREAM: "runcomfy", NODE_ENV: "production" }, /RUNCOMFY_API_TOKEN must be set/],
    [{ UPSTREAM: "Sandbox" }, /UPSTREAM must be runcomfy or sandbox, not "Sandbox"/],
  ])("%o is a problem", (environment, problem) => {
    expect(() => loadConfig(environment)).toThrow(problem);
  });

  test.each([
    ["file:/var/lib/gateway/jobs.db", "/var/lib/gateway/sandbox"],
    [":memory:", null],
    ["postgres://user:password@localhost/jobs", "data/sandbox"],
  ])("the sandbox of %s keeps its requests in %s", (databaseUrl, dataFolder) => {
    expect(loadConfig({ DATABASE_URL: databaseUrl }).upstream).toMatchObject({ dataFolder });
  });

  test("a sandbox port that nobody set gives way to the gateway's", () => {
    expect(loadConfig({ PORT: "4001" })).toMatchObject({ port: 4_001, upstream: { port: 0 } });
    expect(loadConfig({ PORT: "0", SANDBOX_PORT: "0" }).upstream).toMatchObject({ port: 0 });
  });

  test("one port for the gateway and the sandbox is a problem that names both variables", () => {
    for (const environment of [{ SANDBOX_PORT: "4000" }, { PORT: "4001", SANDBOX_PORT: "4001" }]) {
      expect(() => loadConfig(environment)).toThrow(/SANDBOX_PORT must .* PORT/);
      const withToken = { ...environment, RUNCOMFY_API_TOKEN: "t" };
      expect(loadConfig(withToken).upstream.kind).toBe("runcomfy");
      expect(() => loadConfig({ ...withToken, UPSTREAM: "sandbox" })).toThrow("SANDBOX_PORT");
    }
  });

  test("one port for metrics and something else is a problem, unless both take free ones", () => {
    for (const environment of [
      { METRICS_PORT: "4000" },
      { METRICS_PORT: "4001" },
      { METRICS_PORT: "4002", SANDBOX_PORT: "4002" },
    ])
      expect(() => loadConfig(environment)).toThrow(/METRICS_PORT must be another port .*PORT/);
    expect(loadConfig({ METRICS_PORT: "0", PORT: "0" }).metricsPort).toBe(0);
    const withToken = { METRICS_PORT: "4001", RUNCOMFY_API_TOKEN: "t" };
    expect(loadConfig(withToken).metricsPort).toBe(4_001);
  });

  test("one error lists every problem, and no secret", () => {
    const act = () =>
      loadConfig({
        PORT: "70000",
        HOST: "not a host",
        RUNCOMFY_API_TOKEN: "se cret",
        RUNCOMFY_BASE_URL: "http://secret.example.com",
        RUNCOMFY_API_VERSION: "latest",
        DATABASE_URL: "mysql://secret@localhost",
        JOB_DEADLINE_SECONDS: "soon",
        SUBMIT_TIMEOUT_SECONDS: "0",
        SUBMITS_AT_ONCE: "0",
        SUBMIT_MARGIN_SECONDS: "61",
        POLLS_AT_ONCE: "0",
        POLL_COST_SECONDS: "0",
        OUTAGE_BACK_OFF_SECONDS: "never",
        SANDBOX_SPEED: "-1",
        SANDBOX_PORT: "x",
        LOG_LEVEL: "loud",
      });
    expect(act).toThrow(SetupError);
    expect(act).toThrow(
      /^The gateway can't start\. Correct these variables.*(\n {2}[A-Z_]+ must be .*){16}$/,
    );
    expect(act).toThrow(/LOG_LEVEL must be trace, .* or silent, not "loud"\./);
    expect(act).not.toThrow(/secret|se cret/);
  });

  test.each(["…", "...", "<token>"])("the token %s is told to be a placeholder, once", (token) => {
    const act = () => loadConfig({ RUNCOMFY_API_TOKEN: token });
    expect(act).toThrow(
      /\n {2}RUNCOMFY_API_TOKEN must be your own token: .* is a placeholder.* dashboard\.$/,
    );
    expect(act).not.toThrow(/without spaces/);
  });

  test.each(["10001", "1.5", "many"])("%j is no number of submits at once", (value) => {
    expect(() => loadConfig({ SUBMITS_AT_ONCE: value })).toThrow(
      "SUBMITS_AT_ONCE must be a whole number from 1 to 10000",
    );
  });

  test.each([
    ["https://api.runcomfy.net", true],
    ["http://127.0.0.1:4001", true],
    ["http://localhost:4001/base", true],
    ["http://[::1]:4001", true],
    ["http://127.0.0.1.example.com", false],
    ["https://user:password@api.runcomfy.net", false],
    ["https://api.runcomfy.net?x=1", false],
    ["ftp://api.runcomfy.net", false],
    ["api.runcomfy.net", false],
  ])("the upstream %s is accepted: %s", (baseUrl, isAccepted) => {
    const act = () => loadConfig({ RUNCOMFY_API_TOKEN: "t", RUNCOMFY_BASE_URL: baseUrl });
    if (isAccepted) expect(act().upstream).toMatchObject({ baseUrl });
    else expect(act).toThrow("RUNCOMFY_BASE_URL");
  });
});
