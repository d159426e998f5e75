import { describe, expect, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";

const JWT = {
  AUTH: "jwt",
  JWT_ISSUER: "https://login.example.com/",
  JWT_AUDIENCE: "gateway",
  JWT_JWKS_URL: "https://login.example.com/jwks",
};

const ARE_SHOWN = { hasIntrospection: true, hasGraphiql: true, hasConsole: true };

const SMALL_MEMORY = { UNREAD_MIB: "8", ANSWER_MIB: "2" };

describe("who may come in", () => {
  test.each(["127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST", "::1"])(
    "without authentication the gateway may listen on %s",
    (HOST) => expect(loadConfig({ HOST }).auth.kind).toBe("none"),
  );

  test.each(["0.0.0.0", "::", "192.168.1.2", "gateway.example.com", "127.0.0.1.example.com"])(
    "without authentication it may not listen on %s, and the problem says what to set",
    (HOST) => {
      for (const environment of [{ HOST }, { HOST, AUTH: "none" }, { HOST, AUTH: "" }]) {
        expect(() => loadConfig(environment)).toThrow(
          /AUTH must be api-keys or jwt where HOST .* AUTH=api-keys .*HOST=127\.0\.0\.1/,
        );
      }
      expect(loadConfig({ HOST, AUTH: "api-keys" }).auth).toMatchObject({
        kind: "api-keys",
        apiKeysFile: "data/api-keys.json",
      });
    },
  );

  test("a problem with the HTTP access stands beside those of single variables", () => {
    const act = () => loadConfig({ HOST: "0.0.0.0", PORT: "x", GRAPHIQL: "yes" });
    for (const problem of ["AUTH must be", "PORT must be", "GRAPHIQL must be true or false"])
      expect(act).toThrow(problem);
  });

  test("tokens are checked by asymmetric algorithms alone", () => {
    const { auth } = loadConfig(JWT);
    expect(auth).toMatchObject({
      kind: "jwt",
      jwksUrl: JWT.JWT_JWKS_URL,
      issuer: JWT.JWT_ISSUER,
      audience: "gateway",
    });
    expect(JSON.stringify(auth)).not.toMatch(/HS\d|none/);
    const { JWT_JWKS_URL: _, ...others } = JWT;
    const withFile = { ...others, JWT_PUBLIC_KEY_FILE: "key.pem" };
    expect(loadConfig(withFile).auth).toMatchObject({ jwksUrl: null, publicKeyFile: "key.pem" });
  });

  test.each([
    [{ JWT_ISSUER: "" }, "JWT_ISSUER must be set"],
    [{ JWT_AUDIENCE: "" }, "JWT_AUDIENCE must be set"],
    [{ JWT_JWKS_URL: "" }, "JWT_JWKS_URL or JWT_PUBLIC_KEY_FILE must be set"],
    [{ JWT_PUBLIC_KEY_FILE: "key.pem" }, "JWT_JWKS_URL must be unset"],
    [{ JWT_JWKS_URL: "http://login.example.com/jwks" }, "JWT_JWKS_URL must be an https: URL"],
  ])("a token's check with %o is a problem", (change, problem) => {
    expect(() => loadConfig({ ...JWT, ...change })).toThrow(problem);
  });
});

describe("where kept files are", () => {
  const KEPT = { RUNCOMFY_API_TOKEN: "t", KEEP_OUTPUTS: "true", AUTH: "api-keys" };

  test.each<Readonly<Record<string, string>>>([
    KEPT,
    { ...KEPT, HOST: "0.0.0.0" },
    { ...KEPT, HOST: "::" },
    { AUTH: "api-keys", UPSTREAM: "sandbox" },
  ])("%o leads others to an address that they can't reach, which is told", (environment) => {
    expect(loadConfig(environment).warnings).toEqual([
      expect.stringMatching(/keptUrl.*Set PUBLIC_URL/),
    ]);
    const PUBLIC_URL = "https://gateway.example.com";
    expect(loadConfig({ ...environment, PUBLIC_URL }).warnings).toEqual([]);
  });

  test.each<Readonly<Record<string, string>>>([
    { ...KEPT, AUTH: "none" },
    { ...KEPT, KEEP_OUTPUTS: "false" },
    { ...KEPT, HOST: "192.168.1.2" },
  ])("%o is no warning", (environment) => {
    expect(loadConfig(environment).warnings).toEqual([]);
  });
});

describe("from a browser", () => {
  test("origins are exact, and listed with commas", () => {
    const { httpAccess } = loadConfig({
      CORS_ORIGINS: "https://app.example.com, http://localhost:3000",
    });
    expect(httpAccess.origins).toEqual(["https://app.example.com", "http://localhost:3000"]);
  });

  test.each([
    "*",
    "https://*.example.com",
    "https://app.example.com/",
    "https://app.example.com/path",
    "https://App.example.com",
    "https://app.example.com:443",
    "https://user@app.example.com",
    "app.example.com",
    "null",
    "ftp://app.example.com",
  ])("%s is no origin", (CORS_ORIGINS) => {
    expect(() => loadConfig({ CORS_ORIGINS })).toThrow("CORS_ORIGINS must be a list of exact");
  });

  test.each([undefined, "", "development", "test"])(
    "with NODE_ENV=%s, which is development, the schema, GraphiQL and the console are shown",
    (NODE_ENV) => {
      const config = loadConfig({ NODE_ENV });
      expect(config.httpAccess).toMatchObject(ARE_SHOWN);
      expect(config.upstream.kind).toBe("sandbox");
      expect(config.warnings).toEqual([]);
    },
  );

  test.each(["production", "staging", "prod", "Development", "development "])(
    "with NODE_ENV=%s, which is production, they are shown only where somebody said so",
    (NODE_ENV) => {
      const environment = { NODE_ENV, RUNCOMFY_API_TOKEN: "t" };
      expect(loadConfig(environment).httpAccess).toMatchObject({
        hasIntrospection: false,
        hasGraphiql: false,
        hasConsole: false,
      });
      const opened = { INTROSPECTION: "true", GRAPHIQL: "true", CONSOLE: "true" };
      expect(loadConfig({ ...environment, ...opened }).httpAccess).toMatchObject(ARE_SHOWN);
    },
  );

  test("a NODE_ENV that is none of the three is told to be production, with what to set", () => {
    const warning = expect.stringMatching(
      /^NODE_ENV is "staging", which counts as production: .* Set NODE_ENV to production.*development/,
    );
    const environment = { NODE_ENV: "staging", RUNCOMFY_API_TOKEN: "t" };
    expect(loadConfig(environment).warnings).toEqual([warning]);
    expect(loadConfig({ ...environment, NODE_ENV: "production" }).warnings).toEqual([]);
    // A start that is refused tells it too, as it may be the reason.
    expect(() => loadConfig({ NODE_ENV: "staging" })).toThrow(
      /RUNCOMFY_API_TOKEN must be set with NODE_ENV=staging[^]*NODE_ENV is "staging", which/,
    );
  });
});

describe("how much", () => {
  test("owners have limits once they are told apart, or where somebody set them", () => {
    expect(loadConfig({ AUTH: "api-keys" }).limits.owner).toEqual({
      requestsPerSecond: 1_000,
      submitsPerMinute: 1_000,
      jobsInFlight: 10_000,
      jobsPerDay: 100_000,
      sockets: 500,
      subscriptions: 10_000,
      uploadMibPerDay: 10_240,
      openUploads: 100,
    });
    expect(loadConfig({ SUBMITS_PER_MINUTE: "7" }).limits.owner).toMatchObject({
      requestsPerSecond: null,
      submitsPerMinute: 7,
    });
  });

  test("memory that holds the largest body and message, and what comes around them, is enough", () => {
    const most = { ...SMALL_MEMORY, BODY_KIB: "1365" };
    expect(loadConfig(most).limits.http.bodyBytes).toBe(1_365 * 1_024);
  });

  test("kibibytes are given as bytes", () => {
    const { limits } = loadConfig({ BODY_KIB: "1", HEADERS_KIB: "8" });
    expect(limits).toMatchObject({
      http: { bodyBytes: 1_024, headersBytes: 8_192 },
    });
  });

  test.each([
    [{ DOCUMENT_COST: "2.5" }, "DOCUMENT_COST must be a whole number"],
    [{ REQUESTS_PER_SECOND: "0" }, "REQUESTS_PER_SECOND must be a whole number from 1"],
    [{ BODY_KIB: "-1" }, "BODY_KIB must be"],
    [{ UNREAD_MIB: "63" }, "UNREAD_MIB must be at least four times ANSWER_MIB"],
    [{ ...SMALL_MEMORY, BODY_KIB: "1366" }, "UNREAD_MIB must be at least six times BODY_KIB"],
  ])("%o is a problem", (environment, problem) => {
    expect(() => loadConfig(environment)).toThrow(problem);
  });
});
