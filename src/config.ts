import { dirname, join } from "node:path";

import { z } from "zod";

import type { AuthConfig } from "./auth/auth-config.ts";
import type { OwnerLimits } from "./auth/viewer.ts";
import { DOOR_VARIABLES, findDoorProblems, toAuth, toDoors } from "./door-variables.ts";
import {
  isBaseUrl,
  isDatabaseUrl,
  isHost,
  matching,
  number,
  port,
  wholeNumber,
} from "./environment-rules.ts";
import { findLimitProblems, LIMIT_VARIABLES, toLimits } from "./limit-variables.ts";
import type { ServerLimits } from "./server/server-limits.ts";

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
  /** How many submits may be under way; the others wait. */
  readonly submitsAtOnce: number;
  /** How much longer than its time-out a submit may take until another gateway settles it as unknown. */
  readonly submitMarginSeconds: number;
  /** How long a gateway counts as living after it last said so; the same for all gateways on one Postgres. */
  readonly leaseSeconds: number;
  /** How long, at most, until the upstream is asked again while it fails. */
  readonly outageBackOffSeconds: number;
  /** How long a finished job is kept; null for good. */
  readonly jobRetentionDays: number | null;
  readonly auth: AuthConfig;
  readonly doors: DoorsConfig;
  readonly limits: Limits;
  /** Null when nobody said. */
  readonly logLevel: (typeof LOG_LEVELS)[number] | null;
};

/** What browsers and strangers get to see. */
type DoorsConfig = {
  /** Other origins whose pages may call the gateway, e.g. `https://app.example.com`. */
  readonly origins: readonly string[];
  readonly hasIntrospection: boolean;
  readonly hasGraphiql: boolean;
  /** A JSON object of documents by their hash; null admits every document. */
  readonly trustedDocumentsFile: string | null;
};

/** Everything that bounds what may be asked for; seconds and bytes where the name says so. */
type Limits = ServerLimits & {
  /** Of the documents that one answer reads and tells. */
  readonly answerBytes: number;
  /** Of all that waits in memory for clients to read it, or to send it in full. */
  readonly unreadBytes: number;
  /** Of each owner whose key says nothing else. */
  readonly owner: OwnerLimits;
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
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value?.trim() !== ""),
  );
  const parsed = ENVIRONMENT.safeParse(given);
  // Apart, so that these are told beside what is wrong with single variables.
  const problems = [...findDoorProblems(given), ...findLimitProblems(given)];
  if (!parsed.success || problems.length > 0)
    throw new ConfigError(explain([...explainEach(parsed.error, environment), ...problems]));
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
    submitsAtOnce: variables.SUBMITS_AT_ONCE,
    submitMarginSeconds: variables.SUBMIT_MARGIN_SECONDS,
    leaseSeconds: variables.LEASE_SECONDS,
    outageBackOffSeconds: variables.OUTAGE_BACK_OFF_SECONDS,
    jobRetentionDays: variables.JOB_RETENTION_DAYS ?? null,
    auth: toAuth(variables),
    doors: toDoors(variables),
    limits: toLimits(variables, { hasOwners: variables.AUTH !== "none" }),
    logLevel: variables.LOG_LEVEL ?? null,
  });
}

const VARIABLES = z.object({
  HOST: z
    .string()
    .refine(isHost, "must be a host's name or address, such as 127.0.0.1")
    .default("127.0.0.1"),
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
  SUBMITS_AT_ONCE: wholeNumber(1, 10_000).default(100),
  SUBMIT_MARGIN_SECONDS: number(0.5, 60).default(5),
  LEASE_SECONDS: number(0.5, 60).default(6),
  OUTAGE_BACK_OFF_SECONDS: number(0.1, 60).default(8),
  JOB_RETENTION_DAYS: number(0.01, 36_500).optional(),
  SANDBOX_SPEED: number(0.01, 1_000).default(1),
  SANDBOX_PORT: port().optional(),
  SANDBOX_DATA: z.string().optional(),
  ...DOOR_VARIABLES,
  ...LIMIT_VARIABLES,
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
  "JWT_JWKS_URL",
]);

function explainEach(
  error: z.ZodError | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return (error?.issues ?? []).map(({ path, message }) => {
    const name = String(path[0]);
    const value = SECRET_VARIABLES.has(name) ? "" : `, not ${JSON.stringify(environment[name])}`;
    return `${name} ${message}${value}.`;
  });
}

function explain(problems: readonly string[]): string {
  return [
    "The gateway can't start. Correct these variables, in the environment or in .env:",
    ...problems.map((problem) => `  ${problem}`),
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
