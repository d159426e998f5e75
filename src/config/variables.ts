import { z } from "zod";

import {
  fitting,
  flag,
  isHost,
  isOrigin,
  isSafeUrl,
  list,
  matching,
  NOT_IN_PRODUCTION,
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
/** What pages have in the place of a token. */
const PLACEHOLDER = /^(?:…|\.\.\.|<.*>)$/;
const NO_TOKEN =
  "must be your own token: what is there is a placeholder for it. Copy the token from RunComfy's dashboard";
const API_URL = fitting(
  (url) => isSafeUrl(url) && URL.parse(url)?.search === "",
  "must be an https: URL without user, query or fragment (http: on loopback)",
);
/** RunComfy's own address. */
export const VENDOR_URL = "https://api.runcomfy.net";

const RUNCOMFY = {
  RUNCOMFY_API_TOKEN: optional(
    z
      .string()
      .refine((given) => !PLACEHOLDER.test(given), { message: NO_TOKEN, abort: true })
      .regex(/^[\x21-\x7e]+$/, "must be the token alone, without spaces or line breaks"),
    "none",
    "The API token of your RunComfy account.",
    "secret",
  ),
  UPSTREAM: optional(
    oneOf(["runcomfy", "sandbox"]),
    "`runcomfy` with a token, `sandbox` without",
    "Where jobs run: `runcomfy`, or the `sandbox`, which simulates it. In production and without a token, the gateway starts only if you set `sandbox`.",
  ),
  RUNCOMFY_BASE_URL: setting(
    API_URL,
    VENDOR_URL,
    "RunComfy's address. `http:` is allowed on loopback only.",
    "secret",
  ),
  RUNCOMFY_MODEL_URL: optional(
    API_URL,
    "`https://model-api.runcomfy.net`; none with another `RUNCOMFY_BASE_URL`",
    "The Model API's address, which gets the token too. Without one, models are off: their jobs wait, and no others are submitted.",
    "secret",
  ),
  RUNCOMFY_API_VERSION: setting(
    matching(/^v\d{1,3}$/, "must be v1, v2, …"),
    "v1",
    "The API version in RunComfy's paths.",
  ),
  UPSTREAM_ACCOUNT: optional(
    matching(/^[\w.-]{1,64}$/, "must be 1 to 64 letters, digits, dots, hyphens and underscores"),
    "none",
    "A name for the token's RunComfy account. Set it if the database ever holds jobs of several accounts: each job waits while another account is in use. The name appears only in the database and the log.",
  ),
  DEPLOYMENTS_FILE: optional(
    z.string(),
    "what RunComfy lists; the sandbox's own",
    'The JSON file that lists your deployments. Clients can use only these, unless the file says `"others": true`. A relative path starts at the folder where you start the gateway.',
  ),
  DRAW_SEEDS: setting(
    flag(),
    "true",
    "Whether the gateway draws a number for `seed: -1`, so that `Job.input` makes the same result again: [inputs.md](inputs.md#checks-defaults-and-warnings).",
  ),
  SUBMIT_TIMEOUT_SECONDS: setting(
    number(0.1, 300),
    "10",
    "How long the gateway waits for RunComfy's answer to a submit.",
  ),
  SUBMITS_AT_ONCE: setting(
    wholeNumber(1, 10_000),
    "100",
    "How many submits a gateway sends at once. At most 1,000 others wait, up to `SUBMIT_TIMEOUT_SECONDS`, first come first served. A submit beyond that is not sent and gets `RATE_LIMITED` with `retryAfterSeconds`.",
  ),
  POLLS_AT_ONCE: setting(
    wholeNumber(1, 10_000),
    "256",
    "The maximum number of jobs that a gateway polls at once. It polls fewer if RunComfy answers slowly, and one deployment can't take them all.",
  ),
  POLL_COST_SECONDS: setting(
    number(0.001, 10),
    "0.02",
    "Trade-off between polling and latency. Higher: fewer polls, later notice of completion.",
  ),
  UPSTREAM_WEBHOOKS: setting(
    flag(),
    "true",
    "Whether RunComfy is asked to call the gateway when a job ends, so that it needs fewer polls. Needs an https `PUBLIC_URL`; with an upstream on this machine, such as the sandbox, one on loopback is enough. [deploy.md](deploy.md#upstream-webhooks) says what it changes.",
  ),
  JOB_DEADLINE_SECONDS: setting(
    number(1, 2_592_000),
    "86400",
    "How long a job may take from when it is sent. After that it is `FAILED` with `EXPIRED`.",
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
    "secret",
  ),
  JOB_RETENTION_DAYS: optional(
    number(0.01, 36_500),
    "forever",
    "How long to keep finished jobs and their idempotency keys. A job is kept for at least 26 h after it was sent.",
  ),
};

const FILES = {
  FILES_URL: optional(
    matching(
      /^(?:file:|s3:\/\/)./,
      "must be file:<folder> or s3://bucket/prefix?endpoint=https://…&region=…",
    ),
    "`files` beside the database file",
    "Where to store uploads and kept outputs: `file:<folder>`, which all gateways of one Postgres must share, or `s3://bucket/prefix?endpoint=https://…&region=…` for any S3.",
    "secret",
  ),
  AWS_ACCESS_KEY_ID: optional(ONE_LINE, "none", "With `s3://`: the access key.", "secret"),
  AWS_SECRET_ACCESS_KEY: optional(
    ONE_LINE,
    "none",
    "With `s3://`: the secret of the access key.",
    "secret",
  ),
  AWS_SESSION_TOKEN: optional(
    ONE_LINE,
    "none",
    "With `s3://` and a temporary access key: its session token.",
    "secret",
  ),
  PUBLIC_URL: optional(
    fitting(
      isOrigin,
      "must be an origin, such as https://gateway.example.com, without a path or a slash at the end",
    ),
    "the address that it listens on",
    "The gateway's address as browsers and RunComfy see it. URLs of files begin with it, and with `AUTH=jwt` agents log in by it: [agents.md](agents.md).",
    "secret",
  ),
  UPLOAD_MIB: setting(wholeNumber(1, 4_096), "50", "The largest file that clients may upload."),
  UPLOAD_STRIP_METADATA: setting(
    flag(),
    "false",
    "Whether to remove EXIF data, such as the place where a picture was taken, from uploads. Pictures are re-encoded, and formats that can't be, such as HEIC and GIF, are refused. Videos and sounds stay unchanged.",
  ),
  KEEP_OUTPUTS: optional(
    flag(),
    "`true` with the sandbox, `false` with RunComfy",
    "Whether to copy every file that a job's output names. RunComfy deletes them after 7 days.",
  ),
  KEEP_MIB: setting(wholeNumber(1, 5_120), "2048", "The largest output file to keep."),
};

const SERVER = {
  HOST: setting(
    fitting(isHost, "must be a host's name or address, such as 127.0.0.1"),
    "127.0.0.1",
    "The address to listen on. If other machines can reach it, you must set `AUTH`.",
  ),
  PORT: setting(port(), "4000", "The port to listen on; 0 takes a free one."),
  DRAIN_SECONDS: setting(
    number(0, 300),
    "0",
    "How long the gateway keeps serving after a SIGTERM while `/ready` already fails, so that load balancers stop sending requests. The stop itself follows and takes up to 10 s.",
  ),
  CORS_ORIGINS: optional(
    list(
      (origins) => origins.every(isOrigin),
      "must be a list of exact origins, such as https://app.example.com, as browsers send them: lower case, no path, no slash at the end, no default port, no *",
    ),
    "none; with the sandbox and `AUTH=none`, any port of `localhost`, `127.0.0.1` and `[::1]`, if the database has no job of an account at startup",
    "Other origins whose pages may call the gateway, separated by commas: `https://app.example.com,https://admin.example.com`. Their requests may carry only the headers `authorization`, `content-type`, `accept`, `traceparent` and `tracestate`.",
  ),
  TRUSTED_DOCUMENTS: optional(
    z.string(),
    "every document runs",
    'A JSON file of documents by hash, `{"hash": "document"}`, as graphql-codegen writes it. Only these documents and those of the gateway\'s own page and client run, and they may have more than 10,000 characters.',
  ),
  INTROSPECTION: optional(flag(), NOT_IN_PRODUCTION, "Whether clients may query the schema."),
  GRAPHIQL: optional(flag(), NOT_IN_PRODUCTION, "Whether to serve GraphiQL."),
  SIGN_IN: optional(
    oneOf(["key"]),
    "its page asks for a credential in each tab",
    "With `key` and an `AUTH`, people sign in to the gateway's page once, with their key or token, and stay signed in for up to 30 days: [auth.md](auth.md#signing-in-once).",
  ),
  // With a default, so that a copy of .env.example has no empty one: that would take the image's from a container.
  NODE_ENV: setting(
    z.string(),
    "development",
    "`development`, `test` or `production`. Any other value counts as `production`, which hides the schema and GraphiQL, turns off what only developers want, and requires a `RUNCOMFY_API_TOKEN` or `UPSTREAM=sandbox`.",
  ),
  LOG_LEVEL: optional(
    oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
    "`info`; `warn` on a terminal",
    "The lowest level to log: `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. The log goes to standard error, as JSON lines unless that is a terminal.",
  ),
};

const CREDENTIALS = {
  AUTH: setting(
    oneOf(["none", "api-keys", "jwt"]),
    "none",
    "How callers authenticate. `none` accepts everyone and requires a `HOST` that only this machine can reach; `api-keys` is for servers and scripts, `jwt` for browsers.",
  ),
  API_KEYS_FILE: setting(
    z.string(),
    "data/api-keys.json",
    "With `api-keys`: the file that the `key` command writes.",
  ),
  JWT_JWKS_URL: optional(
    fitting(isSafeUrl, "must be an https: URL without user or fragment (http: on loopback)"),
    "none",
    "With `jwt`: the URL where the issuer publishes its keys. Set this or `JWT_PUBLIC_KEY_FILE`.",
    "secret",
  ),
  JWT_PUBLIC_KEY_FILE: optional(
    z.string(),
    "none",
    "With `jwt`: a PEM file with the issuer's public keys, read at startup.",
  ),
  JWT_ISSUER: optional(ONE_LINE, "none", "With `jwt`: the `iss` that a token must have."),
  JWT_AUDIENCE: optional(ONE_LINE, "none", "With `jwt`: the `aud` that a token must have."),
};

const ANSWER = {
  DOCUMENT_COST: setting(
    wholeNumber(100, MANY),
    "15000",
    "The maximum cost of an operation. Each field costs 1 (`input` 10, `output` 20, `history` or `assets` up to 50), a page of 100 jobs costs 100 times as much as one job. A document may also read the whole schema twice. More: `DOCUMENT_TOO_COSTLY`.",
  ),
  ANSWER_MIB: setting(
    wholeNumber(1, 128),
    "16",
    "The maximum size of the inputs, outputs and assets that one answer or event reads or contains. More: `ANSWER_TOO_LARGE`.",
  ),
};

const REQUEST = {
  BODY_KIB: setting(
    wholeNumber(1, 65_536),
    "256",
    "The largest request body or WebSocket message; 64 KiB at most before `connection_init`. Larger: HTTP 413, or the socket closes with 1009.",
  ),
  HEADERS_KIB: setting(
    wholeNumber(4, 1_024),
    "16",
    "The maximum size of a request's headers. Larger: HTTP 431.",
  ),
  REQUEST_TIMEOUT_SECONDS: setting(
    number(0.1, 600),
    "20",
    "How long a request, or a socket's `connection_init`, may take to arrive. Longer: HTTP 408, or the socket closes with 4408.",
  ),
  IDLE_TIMEOUT_SECONDS: setting(
    number(0.1, 600),
    "20",
    "How long a connection may be idle between requests before it is closed.",
  ),
  MAX_CONNECTIONS: setting(
    wholeNumber(1, 1_000_000),
    "20000",
    "The maximum number of connections, including open sockets. Further ones are closed.",
  ),
};

/** What each owner may do, unless their key says otherwise. */
export const OWNER_VARIABLES = {
  REQUESTS_PER_SECOND: setting(
    count(),
    "1000",
    "HTTP requests and operations on sockets. More: HTTP 429, or `RATE_LIMITED` on a socket.",
  ),
  SUBMITS_PER_MINUTE: setting(
    count(),
    "1000",
    "Submits that are sent to RunComfy. More: `RATE_LIMITED`.",
  ),
  JOBS_IN_FLIGHT: setting(count(), "10000", "Unfinished jobs. More: `QUOTA_EXCEEDED`."),
  JOBS_PER_DAY: setting(count(), "100000", "Jobs a day. More: `QUOTA_EXCEEDED`."),
  SOCKETS_PER_OWNER: setting(count(), "500", "Open sockets. Further ones are closed with 1013."),
  SUBSCRIPTIONS_PER_OWNER: setting(count(), "10000", "Open subscriptions. More: `QUOTA_EXCEEDED`."),
  UPLOAD_MIB_PER_DAY: setting(
    count(),
    "10240",
    "Uploads a day in MiB, each file rounded up. More: `QUOTA_EXCEEDED`.",
  ),
  OPEN_UPLOADS: setting(
    count(),
    "100",
    "Uploads whose file has not arrived yet. More: `QUOTA_EXCEEDED`.",
  ),
  HELD_JOBS: setting(count(), "10000", "Jobs that are `HELD`. More: `QUOTA_EXCEEDED`."),
};

const SANDBOX = {
  SANDBOX_SPEED: setting(
    number(0.01, 1_000),
    "1",
    "How many times faster than real time it runs jobs.",
  ),
  SANDBOX_PORT: setting(
    port(),
    "4001",
    "Its port; 0 takes a free one. If you don't set it and `PORT` has the same number, the sandbox takes a free one.",
  ),
  SANDBOX_DATA: optional(
    z.string(),
    "`sandbox` beside the database file",
    "The folder where it stores requests.",
  ),
  SANDBOX_FILES_EXPIRE_SECONDS: setting(
    number(1, 604_800),
    "604800",
    "How long its pictures can be fetched. RunComfy keeps them for 7 days.",
  ),
};

const TIMING = {
  SUBMIT_MARGIN_SECONDS: setting(
    number(0.5, 60),
    "5",
    "How long after `SUBMIT_TIMEOUT_SECONDS` another gateway may mark an unfinished submit as unknown.",
  ),
  OUTAGE_BACK_OFF_SECONDS: setting(
    number(0.1, 60),
    "8",
    "The longest pause between two probes of RunComfy during an outage.",
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
  group("Files", "Uploads and kept outputs. [files.md](files.md) says how to choose.", FILES),
  group("The server", "Where the gateway listens, and which pages it serves.", SERVER),
  group(
    "Authentication",
    "How callers identify themselves. Each sees only their own jobs.",
    CREDENTIALS,
  ),
  group(
    "Limits of documents and answers",
    "What one operation may ask for. A document may have 5,000 tokens after its fragments are expanded, and 10,000 characters unless it is trusted.",
    ANSWER,
  ),
  group(
    "Limits of requests and connections",
    "What one request, and all connections together, may use of one gateway. A WebSocket may run 500 operations at once, and a gateway 50,000 subscriptions, including event streams.",
    REQUEST,
  ),
  group(
    "Limits of each owner",
    "With `AUTH=none` these are off unless you set them. An API key may have its own limits. Each gateway counts requests, sockets and subscriptions by itself; submits and jobs are counted across all gateways and restarts. Their errors give `retryAfterSeconds`.",
    OWNER_VARIABLES,
  ),
  group("The sandbox", "The simulation of RunComfy that comes with the gateway.", SANDBOX),
  group(
    "For tests and experts",
    "The defaults are matched to each other; change them with care.",
    TIMING,
  ),
];

function group(title: string, about: string, variables: Readonly<Record<string, z.ZodType>>) {
  return { title, about, variables };
}
