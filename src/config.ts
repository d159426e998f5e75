import { dirname, join } from "node:path";

import { z } from "zod";

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
/** Unless the gateway itself has it. */
const DEFAULT_SANDBOX_PORT = 4_001;

/** How the gateway was asked to run; parsed, with defaults filled in. */
export type Config = {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly upstream: UpstreamConfig;
  /** The `{v}` of the upstream's paths. */
  readonly apiVersion: string;
  readonly databaseUrl: string;
  /** Path of the catalogue of deployments; null for the sandbox's own, or none where a token is set. */
  readonly deploymentsFile: string | null;
  readonly jobDeadlineSeconds: number;
  readonly submitTimeoutSeconds: number;
  /** How much longer than its time-out a submit may take until another gateway settles it as unknown. */
  readonly submitMarginSeconds: number;
  /** How long a gateway counts as living after it last said so; the same for all gateways on one Postgres. */
  readonly leaseSeconds: number;
  /** How long, at most, until the upstream is asked again while it fails. */
  readonly outageBackOffSeconds: number;
  /** How long a finished job is kept; null for good. */
  readonly jobRetentionDays: number | null;
  /** Null when nobody said. */
  readonly logLevel: (typeof LOG_LEVELS)[number] | null;
};

type UpstreamConfig =
  | { readonly kind: "runcomfy"; readonly baseUrl: string; readonly token: string }
  | {
      readonly kind: "sandbox";
      readonly port: number;
      readonly speed: number;
      /** Null keeps its requests in memory. */
      readonly dataFolder: string | null;
    };

/** The environment can't be used; the text lists every problem, one a line, and holds no secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads the gateway's variables; an empty value counts as unset. Throws a `ConfigError` that lists every problem. */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.entries(environment).filter(([, value]) => value?.trim() !== "");
  const parsed = ENVIRONMENT.safeParse(Object.fromEntries(given));
  if (!parsed.success) throw new ConfigError(explain(parsed.error, environment));
  const variables = parsed.data;
  return Object.freeze({
    host: variables.HOST,
    port: variables.PORT,
    upstream: Object.freeze(toUpstream(variables)),
    apiVersion: variables.RUNCOMFY_API_VERSION,
    databaseUrl: variables.DATABASE_URL,
    deploymentsFile: variables.DEPLOYMENTS_FILE ?? null,
    jobDeadlineSeconds: variables.JOB_DEADLINE_SECONDS,
    submitTimeoutSeconds: variables.SUBMIT_TIMEOUT_SECONDS,
    submitMarginSeconds: variables.SUBMIT_MARGIN_SECONDS,
    leaseSeconds: variables.LEASE_SECONDS,
    outageBackOffSeconds: variables.OUTAGE_BACK_OFF_SECONDS,
    jobRetentionDays: variables.JOB_RETENTION_DAYS ?? null,
    logLevel: variables.LOG_LEVEL ?? null,
  });
}

const VARIABLES = z.object({
  HOST: matching(/^[\w.:-]+$/, "must be a host's name or address, such as 127.0.0.1").default(
    "127.0.0.1",
  ),
  PORT: port().default(4_000),
  RUNCOMFY_API_TOKEN: matching(
    /^[\x21-\x7e]+$/,
    "must be the token alone, without spaces or line breaks",
  ).optional(),
  RUNCOMFY_BASE_URL: z
    .string()
    .refine(isBaseUrl, "must be an https: URL without user, query or fragment (http: on loopback)")
    .default("https://api.runcomfy.net"),
  RUNCOMFY_API_VERSION: matching(/^v\d{1,3}$/, "must be v1, v2, …").default("v1"),
  DATABASE_URL: z
    .string()
    .refine(
      isDatabaseUrl,
      "must be file:<path>, :memory: or postgres://user:password@host:5432/database",
    )
    .default("file:data/gateway.db"),
  DEPLOYMENTS_FILE: z.string().optional(),
  JOB_DEADLINE_SECONDS: number(1, 2_592_000).default(86_400),
  SUBMIT_TIMEOUT_SECONDS: number(0.1, 300).default(10),
  SUBMIT_MARGIN_SECONDS: number(0.5, 60).default(5),
  LEASE_SECONDS: number(0.5, 60).default(6),
  OUTAGE_BACK_OFF_SECONDS: number(0.1, 60).default(8),
  JOB_RETENTION_DAYS: number(0.01, 36_500).optional(),
  SANDBOX_SPEED: number(0.01, 1_000).default(1),
  SANDBOX_PORT: port().optional(),
  SANDBOX_DATA: z.string().optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(", ")}`).optional(),
});

const ENVIRONMENT = VARIABLES.refine(
  ({ PORT, SANDBOX_PORT, RUNCOMFY_API_TOKEN }) =>
    RUNCOMFY_API_TOKEN !== undefined || SANDBOX_PORT === 0 || SANDBOX_PORT !== PORT,
  { path: ["SANDBOX_PORT"], error: "must be another port than PORT (0 takes a free one)" },
);

/** Their values may hold a credential, so no message repeats them. */
const SECRET_VARIABLES: ReadonlySet<string> = new Set([
  "RUNCOMFY_API_TOKEN",
  "RUNCOMFY_BASE_URL",
  "DATABASE_URL",
]);

function explain(error: z.ZodError, environment: Readonly<Record<string, string | undefined>>) {
  const lines = error.issues.map(({ path, message }) => {
    const name = String(path[0]);
    const value = SECRET_VARIABLES.has(name) ? "" : `, not ${JSON.stringify(environment[name])}`;
    return `  ${name} ${message}${value}.`;
  });
  return [
    "The gateway can't start. Correct these variables, in the environment or in .env:",
    ...lines,
  ].join("\n");
}

function toUpstream(variables: z.infer<typeof VARIABLES>): UpstreamConfig {
  const { RUNCOMFY_API_TOKEN: token, RUNCOMFY_BASE_URL: baseUrl } = variables;
  if (token !== undefined) return { kind: "runcomfy", baseUrl, token };
  return {
    kind: "sandbox",
    port:
      variables.SANDBOX_PORT ??
      (variables.PORT === DEFAULT_SANDBOX_PORT ? 0 : DEFAULT_SANDBOX_PORT),
    speed: variables.SANDBOX_SPEED,
    dataFolder: variables.SANDBOX_DATA ?? besideDatabase(variables.DATABASE_URL),
  };
}

function besideDatabase(databaseUrl: string): string | null {
  if (databaseUrl === ":memory:") return null;
  const path = /^file:(.+)$/.exec(databaseUrl)?.[1];
  return path === undefined ? "data/sandbox" : join(dirname(path), "sandbox");
}

function matching(pattern: RegExp, rule: string) {
  return z.string().regex(pattern, rule);
}

function port() {
  const rule = "must be a port, from 0 (a free one) to 65535";
  return matching(/^\d{1,5}$/, rule)
    .transform(Number)
    .refine((value) => value <= 65_535, rule);
}

function number(least: number, most: number) {
  const rule = `must be a number from ${least} to ${most}`;
  return matching(/^\d{1,9}(\.\d{1,9})?$/, rule)
    .transform(Number)
    .refine((value) => value >= least && value <= most, rule);
}

function isBaseUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  if (url.search !== "" || url.hash !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

function isDatabaseUrl(text: string): boolean {
  if (text === ":memory:" || /^file:./.test(text)) return true;
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text);
}
