import { z } from "zod";

import {
  ANSWER_VARIABLES,
  OWNER_VARIABLES,
  REQUEST_VARIABLES,
  SOCKET_VARIABLES,
} from "./limit-variables.ts";
import {
  baseUrl,
  databaseUrl,
  flag,
  host,
  isOrigin,
  list,
  matching,
  number,
  oneLine,
  oneOf,
  optional,
  port,
  safeUrl,
  setting,
  text,
  wholeNumber,
} from "./rules.ts";

const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
const NOT_IN_PRODUCTION = "`true`; `false` with `NODE_ENV=production`";

const RUNCOMFY = {
  RUNCOMFY_API_TOKEN: optional(
    matching(/^[\x21-\x7e]+$/, "must be the token alone, without spaces or line breaks"),
    "none",
    "The API token of your RunComfy account.",
  ),
  UPSTREAM: optional(
    oneOf(["runcomfy", "sandbox"]),
    "`runcomfy` with a token, `sandbox` without",
    "`runcomfy`, or the `sandbox` that stands in for it. With `NODE_ENV=production` and no token the gateway starts only where this says `sandbox`.",
  ),
  RUNCOMFY_BASE_URL: setting(
    baseUrl(),
    "https://api.runcomfy.net",
    "Where RunComfy is. `http:` is allowed on loopback only.",
  ),
  RUNCOMFY_API_VERSION: setting(
    matching(/^v\d{1,3}$/, "must be v1, v2, …"),
    "v1",
    "The version in RunComfy's paths.",
  ),
  DEPLOYMENTS_FILE: optional(
    text(),
    "what RunComfy lists; the sandbox's own",
    'The JSON file that lists your deployments. Only these can be used then, unless it says `"others": true`. A relative path starts at the folder of package.json.',
  ),
  SUBMIT_TIMEOUT_SECONDS: setting(
    number(0.1, 300),
    "10",
    "How long a submit waits for RunComfy's answer, from when it is sent.",
  ),
  SUBMITS_AT_ONCE: setting(
    wholeNumber(1, 10_000),
    "100",
    "How many submits a gateway sends at once. Further ones wait, owners by turns, for at most `SUBMIT_TIMEOUT_SECONDS` and with at most 64 MiB of inputs in all; one more is not sent, and is `RATE_LIMITED` with `retryAfterSeconds`.",
  ),
  JOB_DEADLINE_SECONDS: setting(
    number(1, 2_592_000),
    "86400",
    "How long a job may take. One that has not ended by then is `FAILED` with `EXPIRED`.",
  ),
};

const DATABASE = {
  DATABASE_URL: setting(
    databaseUrl(),
    "file:data/gateway.db",
    "`file:<path>` or `:memory:` for one gateway; `postgres://user:password@host:5432/database`, version 13 or newer, for one or several.",
  ),
  JOB_RETENTION_DAYS: optional(
    number(0.01, 36_500),
    "for good",
    "How long a finished job is kept, and its idempotency key with it. A job stays for a day at least.",
  ),
};

const SERVER = {
  HOST: setting(
    host(),
    "127.0.0.1",
    "The address to listen on. One that other machines can reach needs an `AUTH`.",
  ),
  PORT: setting(port(), "4000", "The port to listen on; 0 takes a free one."),
  CORS_ORIGINS: optional(
    list(
      (origins) => origins.every(isOrigin),
      "must be a list of exact origins, such as https://app.example.com, as browsers send them: lower case, no path, no slash at the end, no default port, no *",
    ),
    "none",
    "The other origins whose pages may call the gateway, with commas: `https://app.example.com,https://admin.example.com`.",
  ),
  TRUSTED_DOCUMENTS: optional(
    text(),
    "every document runs",
    'A JSON file of documents by their hash, `{"hash": "document"}`, as graphql-codegen writes it. No other document runs.',
  ),
  INTROSPECTION: optional(flag(), NOT_IN_PRODUCTION, "Whether clients may ask for the schema."),
  GRAPHIQL: optional(
    flag(),
    NOT_IN_PRODUCTION,
    "Whether a browser that opens the gateway gets GraphiQL.",
  ),
  NODE_ENV: optional(
    text(),
    "none",
    "`production` hides the schema and GraphiQL, and asks for a `RUNCOMFY_API_TOKEN`.",
  ),
  LOG_LEVEL: optional(
    oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
    "`info`; `warn` on a terminal",
    "What to log: `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. The log goes to standard error, as JSON lines unless that is a terminal.",
  ),
};

const CREDENTIALS = {
  AUTH: setting(
    oneOf(["none", "api-keys", "jwt"]),
    "none",
    "`none` lets everybody in and needs a `HOST` that only this machine reaches; `api-keys` is for your servers and scripts, `jwt` for browsers.",
  ),
  API_KEYS_FILE: setting(
    text(),
    "data/api-keys.json",
    "With `api-keys`: the file that `npm run --silent key -- create --owner web` writes.",
  ),
  JWT_JWKS_URL: optional(
    safeUrl(),
    "none",
    "With `jwt`: where the issuer publishes its keys. This or `JWT_PUBLIC_KEY_FILE` is needed.",
  ),
  JWT_PUBLIC_KEY_FILE: optional(
    text(),
    "none",
    "With `jwt`: a file with the issuer's public keys (PEM, JWK or JWK set), read at the start.",
  ),
  JWT_ISSUER: optional(oneLine(), "none", "With `jwt`: the `iss` that a token must have."),
  JWT_AUDIENCE: optional(oneLine(), "none", "With `jwt`: the `aud` that a token must have."),
  JWT_ALGORITHMS: setting(
    list(
      (names) => names.length > 0 && names.every((name) => ALGORITHMS.includes(name)),
      `must be a list of ${ALGORITHMS.join(", ")} (symmetric ones are refused, because whoever checks a token could make one, and so is none)`,
    ),
    ALGORITHMS.join(" "),
    "With `jwt`: the algorithms by which a token may be signed.",
  ),
  JWT_CLOCK_TOLERANCE_SECONDS: setting(
    number(0, 60),
    "5",
    "With `jwt`: how far the issuer's clock and the gateway's may be apart.",
  ),
};

const SANDBOX = {
  SANDBOX_SPEED: setting(
    number(0.01, 1_000),
    "1",
    "How many times faster than usual its time runs.",
  ),
  SANDBOX_PORT: setting(
    port(),
    "4001",
    "Its port; 0 takes a free one. Unless you set it, it gives way to `PORT`.",
  ),
  SANDBOX_DATA: optional(
    text(),
    "`sandbox` beside the database file",
    "The folder where it keeps its requests.",
  ),
};

const TIMING = {
  LEASE_SECONDS: setting(
    number(0.5, 60),
    "6",
    "On Postgres: how long a gateway may say nothing before others take over its jobs. The same on all gateways.",
  ),
  SUBMIT_MARGIN_SECONDS: setting(
    number(0.5, 60),
    "5",
    "How much longer than `SUBMIT_TIMEOUT_SECONDS` a submit may take before another gateway settles it as unknown.",
  ),
  OUTAGE_BACK_OFF_SECONDS: setting(
    number(0.1, 60),
    "8",
    "The longest wait until a RunComfy that fails is asked again.",
  ),
};

/** Every variable that the gateway reads; all that is said of one stands here. */
export const VARIABLES = z.object({
  ...RUNCOMFY,
  ...DATABASE,
  ...SERVER,
  ...CREDENTIALS,
  ...ANSWER_VARIABLES,
  ...REQUEST_VARIABLES,
  ...SOCKET_VARIABLES,
  ...OWNER_VARIABLES,
  ...SANDBOX,
  ...TIMING,
});

/** The same for people. */
export const VARIABLE_GROUPS: readonly VariableGroup[] = [
  {
    title: "RunComfy",
    about: "With a token, jobs run on your account and cost money.",
    variables: RUNCOMFY,
  },
  { title: "The database", about: "Several gateways may share a Postgres.", variables: DATABASE },
  { title: "The server", about: "Where it listens, and what it shows.", variables: SERVER },
  {
    title: "Who may come in",
    about: "How callers say who they are. Each sees their own jobs alone.",
    variables: CREDENTIALS,
  },
  {
    title: "Limits of documents and answers",
    about: "What one operation may ask for.",
    variables: ANSWER_VARIABLES,
  },
  {
    title: "Limits of requests and connections",
    about: "What one request over HTTP, and all connections together, may take of one gateway.",
    variables: REQUEST_VARIABLES,
  },
  {
    title: "Limits of WebSockets and subscriptions",
    about: "Of one gateway; an event stream counts as a subscription.",
    variables: SOCKET_VARIABLES,
  },
  {
    title: "Limits of each owner",
    about:
      "With `AUTH=none` these are off unless you set them. An API key may have limits of its own. Each gateway counts requests, sockets and subscriptions by itself; submits and jobs are counted together.",
    variables: OWNER_VARIABLES,
  },
  {
    title: "The sandbox",
    about: "The stand-in for RunComfy that the gateway brings along.",
    variables: SANDBOX,
  },
  { title: "For tests and experts", about: "The defaults fit together.", variables: TIMING },
];

/** Variables that belong together, in the order in which they are shown. */
type VariableGroup = {
  readonly title: string;
  /** What to know of all of them. */
  readonly about: string;
  readonly variables: Readonly<Record<string, z.ZodType>>;
};
