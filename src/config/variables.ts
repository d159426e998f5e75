import { z } from "zod";

import {
  fitting,
  flag,
  isBareUrl,
  isHost,
  isOrigin,
  isSafeUrl,
  list,
  matching,
  number,
  oneOf,
  optional,
  port,
  setting,
  wholeNumber,
} from "./rules.ts";

const MANY = 1_000_000_000;
const count = () => wholeNumber(1, MANY);
const ONE_LINE = matching(/^\P{Cc}+$/u, "must be one line without control characters");
const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
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
    "`runcomfy`, or the `sandbox` that stands in for it. With `NODE_ENV=production` and no token the gateway starts only if this is `sandbox`.",
  ),
  RUNCOMFY_BASE_URL: setting(
    fitting(
      (url) => isSafeUrl(url) && URL.parse(url)?.search === "",
      "must be an https: URL without user, query or fragment (http: on loopback)",
    ),
    "https://api.runcomfy.net",
    "Where RunComfy is. `http:` is allowed on loopback only.",
  ),
  RUNCOMFY_API_VERSION: setting(
    matching(/^v\d{1,3}$/, "must be v1, v2, …"),
    "v1",
    "The version in RunComfy's paths.",
  ),
  UPSTREAM_ACCOUNT: optional(
    matching(/^[\w.-]{1,64}$/, "must be 1 to 64 letters, digits, dots, hyphens and underscores"),
    "none",
    "A name for the account of the token, if the gateway's database ever holds jobs of several accounts: jobs wait while another one is in use. It goes nowhere but into the database and the log.",
  ),
  DEPLOYMENTS_FILE: optional(
    z.string(),
    "what RunComfy lists; the sandbox's own",
    'The JSON file that lists your deployments. Clients can use no others, unless the file says `"others": true`. Relative paths start at the folder where the gateway starts.',
  ),
  SUBMIT_TIMEOUT_SECONDS: setting(
    number(0.1, 300),
    "10",
    "How long a submit waits for RunComfy's answer once it is sent.",
  ),
  SUBMITS_AT_ONCE: setting(
    wholeNumber(1, 10_000),
    "100",
    "How many submits a gateway sends at once. Others wait, owners by turns, for at most `SUBMIT_TIMEOUT_SECONDS` and with at most 64 MiB of inputs in all; beyond that a submit is not sent, and is `RATE_LIMITED` with `retryAfterSeconds`.",
  ),
  LOOKS_AT_ONCE: setting(
    wholeNumber(1, 10_000),
    "256",
    "The most jobs that a gateway asks RunComfy about at once, of which one deployment leaves some to others. It finds out by itself how many of them RunComfy answers quickly.",
  ),
  LOOK_COST_SECONDS: setting(
    number(0.001, 10),
    "0.02",
    "How many seconds of waiting for a job's end one question to RunComfy is worth. Higher: fewer questions, and ends are seen later.",
  ),
  JOB_DEADLINE_SECONDS: setting(
    number(1, 2_592_000),
    "86400",
    "How long a job may take. Then it is `FAILED` with `EXPIRED`.",
  ),
};

const DATABASE = {
  DATABASE_URL: setting(
    fitting(
      (url) =>
        /^(:memory:$|file:.)/.test(url) || (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)),
      "must be file:<path>, :memory: or postgres://user:password@host:5432/database",
    ),
    "file:data/gateway.db",
    "`file:<path>` or `:memory:` for one gateway; `postgres://user:password@host:5432/database`, version 13 or newer, for one or several.",
  ),
  JOB_RETENTION_DAYS: optional(
    number(0.01, 36_500),
    "for good",
    "How long to keep finished jobs and their idempotency keys; never less than 26 h after the job was created.",
  ),
};

const FILES = {
  FILES_URL: optional(
    matching(
      /^(?:file:|s3:\/\/)./,
      "must be file:<folder> or s3://bucket/prefix?endpoint=https://…&region=…",
    ),
    "`files` beside the database file",
    "Where uploads and kept outputs live: `file:<folder>`, which all gateways of one Postgres share, or `s3://bucket/prefix?endpoint=https://…&region=…` for any S3.",
  ),
  AWS_ACCESS_KEY_ID: optional(ONE_LINE, "none", "With `s3://`: the key."),
  AWS_SECRET_ACCESS_KEY: optional(ONE_LINE, "none", "With `s3://`: the key's secret."),
  AWS_SESSION_TOKEN: optional(ONE_LINE, "none", "With `s3://` and a temporary key: its token."),
  PUBLIC_URL: optional(
    fitting(
      (given) => isOrigin(given),
      "must be an origin, such as https://gateway.example.com, without a path or a slash at the end",
    ),
    "what it listens on",
    "The gateway's address as browsers and RunComfy see it; URLs of files begin with it.",
  ),
  UPLOAD_MIB: setting(wholeNumber(1, 4_096), "50", "The largest file that clients may upload."),
  UPLOAD_STRIP_METADATA: setting(
    flag(),
    "false",
    "Whether uploaded pictures lose their EXIF data, such as where they were taken. They are encoded anew; pictures that can't be, such as HEIC and GIF, are refused. Videos and sounds stay as they are.",
  ),
  KEEP_OUTPUTS: optional(
    flag(),
    "`true` with the sandbox, `false` with RunComfy",
    "Whether each file that a job's output names is copied, so that it outlives the 7 days after which RunComfy deletes it.",
  ),
  KEEP_MIB: setting(wholeNumber(1, 5_120), "2048", "The largest file of an output that is kept."),
};

const SERVER = {
  HOST: setting(
    fitting(isHost, "must be a host's name or address, such as 127.0.0.1"),
    "127.0.0.1",
    "The address to listen on. If other machines can reach it, `AUTH` is needed.",
  ),
  PORT: setting(port(), "4000", "The port to listen on; 0 takes a free one."),
  METRICS_PORT: optional(
    port(),
    "no metrics",
    "A port of `HOST` for Prometheus, which serves `/metrics` to whoever asks: let nobody else reach it.",
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(
    fitting(
      isBareUrl,
      "must be an http: or https: URL without user, query or fragment, such as http://localhost:4318",
    ),
    "no traces",
    "The collector that gets traces, as OTLP over HTTP at `/v1/traces`. [traces.md](traces.md) says what they need and hold.",
  ),
  OTEL_TRACES_SAMPLER: setting(
    oneOf(SAMPLERS),
    "parentbased_always_on",
    `Which traces are kept: ${SAMPLERS.map((name) => `\`${name}\``).join(", ")}. With \`parentbased_\` a caller's \`traceparent\` decides, where there is one.`,
  ),
  OTEL_TRACES_SAMPLER_ARG: setting(
    number(0, 1),
    "1",
    "With `traceidratio`: the part of the traces that is kept, from 0 to 1.",
  ),
  DRAIN_SECONDS: setting(
    number(0, 300),
    "0",
    "How long it serves on after a SIGTERM while `/ready` fails already, so that a load balancer looks away in time. The 10 s of a stop begin after it.",
  ),
  CORS_ORIGINS: optional(
    list(
      (origins) => origins.every(isOrigin),
      "must be a list of exact origins, such as https://app.example.com, as browsers send them: lower case, no path, no slash at the end, no default port, no *",
    ),
    "none",
    "The other origins whose pages may call the gateway, separated by commas: `https://app.example.com,https://admin.example.com`. Their requests may carry the headers `authorization`, `content-type`, `accept`, `traceparent` and `tracestate`, and no others.",
  ),
  TRUSTED_DOCUMENTS: optional(
    z.string(),
    "every document runs",
    'A JSON file of documents by their hash, `{"hash": "document"}`, as graphql-codegen writes it. No other document runs, but for the console\'s.',
  ),
  INTROSPECTION: optional(flag(), NOT_IN_PRODUCTION, "Whether clients may ask for the schema."),
  GRAPHIQL: optional(flag(), NOT_IN_PRODUCTION, "Whether browsers get GraphiQL."),
  CONSOLE: optional(
    flag(),
    NOT_IN_PRODUCTION,
    "Whether browsers get the console at `/`. It asks for a credential where one is needed.",
  ),
  // With a default, so that a copy of .env.example has no empty one: that would take the image's from a container.
  NODE_ENV: setting(
    z.string(),
    "development",
    "`production` hides the schema, GraphiQL and the console, and requires a `RUNCOMFY_API_TOKEN`.",
  ),
  LOG_LEVEL: optional(
    oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
    "`info`; `warn` on a terminal",
    "The least that is logged: `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. The log goes to standard error, as JSON lines unless that is a terminal.",
  ),
};

const CREDENTIALS = {
  AUTH: setting(
    oneOf(["none", "api-keys", "jwt"]),
    "none",
    "`none` lets everybody in and needs a `HOST` that only this machine can reach; `api-keys` is for your servers and scripts, `jwt` for browsers.",
  ),
  API_KEYS_FILE: setting(
    z.string(),
    "data/api-keys.json",
    "With `api-keys`: the file that the command `key` writes.",
  ),
  JWT_JWKS_URL: optional(
    fitting(isSafeUrl, "must be an https: URL without user or fragment (http: on loopback)"),
    "none",
    "With `jwt`: where the issuer publishes its keys. This or `JWT_PUBLIC_KEY_FILE` is needed.",
  ),
  JWT_PUBLIC_KEY_FILE: optional(
    z.string(),
    "none",
    "With `jwt`: a file with the issuer's public keys as PEM, read at the start.",
  ),
  JWT_ISSUER: optional(ONE_LINE, "none", "With `jwt`: the `iss` that a token must have."),
  JWT_AUDIENCE: optional(ONE_LINE, "none", "With `jwt`: the `aud` that a token must have."),
};

const ANSWER = {
  DOCUMENT_COST: setting(
    wholeNumber(100, MANY),
    "15000",
    "The most an operation may cost: 1 for each field (input 10, output 20, a history or its assets up to 50), a page of 100 jobs counts 100 times, and the schema asked for twice over costs it all. More: `DOCUMENT_TOO_COSTLY`.",
  ),
  ANSWER_MIB: setting(
    wholeNumber(1, 1_024),
    "32",
    "The most MiB of inputs and outputs in one answer or event. More: `ANSWER_TOO_LARGE`.",
  ),
  UNREAD_MIB: setting(
    wholeNumber(4, 65_536),
    "512",
    "How many MiB in all may wait in memory for clients to read or to finish sending, with what their open operations came with; at least four times `ANSWER_MIB` and six times `BODY_KIB`, because one owner may have a quarter. An answer over 16 KiB waits up to 10 s for room, and is then `RATE_LIMITED`; for anything else without room, the connection that holds most is closed.",
  ),
};

const REQUEST = {
  BODY_KIB: setting(
    wholeNumber(1, 65_536),
    "256",
    "The largest body or message of a socket, which may have 64 KiB before `connection_init`. Larger: HTTP 413, or the socket closes with 1009.",
  ),
  HEADERS_KIB: setting(wholeNumber(4, 1_024), "16", "The largest headers. Larger: HTTP 431."),
  REQUEST_TIMEOUT_SECONDS: setting(
    number(0.1, 600),
    "20",
    "How long a request may take to arrive, and a socket's `connection_init`. Longer: HTTP 408, or the socket closes with 4408.",
  ),
  IDLE_TIMEOUT_SECONDS: setting(
    number(0.1, 600),
    "20",
    "How long a connection may send nothing between requests. Then it is closed.",
  ),
  MAX_CONNECTIONS: setting(
    wholeNumber(1, 1_000_000),
    "20000",
    "The most connections, open sockets included. More are closed.",
  ),
};

/** What each owner may do, unless their key says otherwise. */
export const OWNER_VARIABLES = {
  REQUESTS_PER_SECOND: setting(
    count(),
    "1000",
    "HTTP requests and operations on sockets. More: HTTP 429, or the operation's error `RATE_LIMITED`.",
  ),
  SUBMITS_PER_MINUTE: setting(count(), "1000", "Submits. More: `RATE_LIMITED`."),
  JOBS_IN_FLIGHT: setting(count(), "10000", "Unfinished jobs. More: `QUOTA_EXCEEDED`."),
  JOBS_PER_DAY: setting(count(), "100000", "Jobs a day. More: `QUOTA_EXCEEDED`."),
  SOCKETS_PER_OWNER: setting(count(), "500", "Open sockets. More close with 1013."),
  SUBSCRIPTIONS_PER_OWNER: setting(
    count(),
    "10000",
    "Subscriptions at once. More: `QUOTA_EXCEEDED`.",
  ),
  UPLOAD_MIB_PER_DAY: setting(
    count(),
    "10240",
    "MiB of uploads a day, each file rounded up. More: `QUOTA_EXCEEDED`.",
  ),
  OPEN_UPLOADS: setting(
    count(),
    "100",
    "Uploads whose bytes have not come. More: `QUOTA_EXCEEDED`.",
  ),
};

const SANDBOX = {
  SANDBOX_SPEED: setting(number(0.01, 1_000), "1", "How many times faster its time runs."),
  SANDBOX_PORT: setting(
    port(),
    "4001",
    "Its port; 0 takes a free one. By default it gives way to `PORT`.",
  ),
  SANDBOX_DATA: optional(
    z.string(),
    "`sandbox` beside the database file",
    "The folder for its requests.",
  ),
  SANDBOX_FILES_EXPIRE_SECONDS: setting(
    number(1, 604_800),
    "604800",
    "How long its pictures can be fetched, as RunComfy's for 7 days.",
  ),
};

const TIMING = {
  SUBMIT_MARGIN_SECONDS: setting(
    number(0.5, 60),
    "5",
    "How much longer than `SUBMIT_TIMEOUT_SECONDS` a submit may take until another gateway settles it as unknown.",
  ),
  OUTAGE_BACK_OFF_SECONDS: setting(
    number(0.1, 60),
    "8",
    "The longest pause before RunComfy is asked again in an outage.",
  ),
};

/** Every variable that the gateway reads. */
export const VARIABLES = z.object({
  ...RUNCOMFY,
  ...DATABASE,
  ...FILES,
  ...SERVER,
  ...CREDENTIALS,
  ...ANSWER,
  ...REQUEST,
  ...OWNER_VARIABLES,
  ...SANDBOX,
  ...TIMING,
});

/** The same for people, in the order in which they are shown. */
export const VARIABLE_GROUPS = [
  group("RunComfy", "With a token, jobs run on your account and cost money.", RUNCOMFY),
  group("The database", "Several gateways may share a Postgres.", DATABASE),
  group(
    "Files",
    "Pictures that go in, and outputs that are kept. [files.md](files.md) says how to choose.",
    FILES,
  ),
  group("The server", "Where it listens, and what it shows.", SERVER),
  group(
    "Who may come in",
    "How callers say who they are. Each sees only their own jobs.",
    CREDENTIALS,
  ),
  group(
    "Limits of documents and answers",
    "What one operation may ask for. A document may have 5,000 tokens, with its fragments written out.",
    ANSWER,
  ),
  group(
    "Limits of requests and connections",
    "What one request, and all connections together, may take of one gateway. A WebSocket may have 500 operations at once, and a gateway 50,000 subscriptions, event streams included.",
    REQUEST,
  ),
  group(
    "Limits of each owner",
    "With `AUTH=none` these are off unless you set them. An API key may have limits of its own. Each gateway counts requests, sockets and subscriptions for itself; all count submits and jobs together. Their errors say `retryAfterSeconds`.",
    OWNER_VARIABLES,
  ),
  group("The sandbox", "The stand-in for RunComfy that comes with the gateway.", SANDBOX),
  group("For tests and experts", "The defaults fit together.", TIMING),
];

function group(title: string, about: string, variables: Readonly<Record<string, z.ZodType>>) {
  return { title, about, variables };
}
