import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";

import type { z } from "zod";

import { codeOf, SetupError } from "../runtime/coded-error.ts";
import { SANDBOX, nameUpstream } from "../job/upstream.ts";
import { findProblems, findWarnings, isProduction, isSandbox } from "./find-problems.ts";
import type { OWNER_VARIABLES } from "./variables.ts";
import { VARIABLES } from "./variables.ts";

/** How the gateway was asked to run; parsed, with defaults filled in. `variables.ts` says what each variable means. */
export type Config = ReturnType<typeof loadConfig>;

/** Reads the gateway's variables; an empty value counts as unset. Throws a `SetupError` that lists every problem. */
export function loadConfig(environment: Given) {
  const given = withoutEmpty(environment);
  const parsed = VARIABLES.safeParse(given);
  // Found apart, so that they are listed beside what is wrong with single variables.
  const problems = findProblems(given);
  const warnings = findWarnings(given);
  if (!parsed.success || problems.length > 0)
    throw new SetupError(
      [HEAD, ...explain(parsed.error, environment), ...problems, ...warnings].join("\n  "),
    );
  const variables = parsed.data;
  return Object.freeze({
    host: variables.HOST,
    port: variables.PORT,
    upstream: toUpstream(variables, given),
    apiVersion: variables.RUNCOMFY_API_VERSION,
    files: toFiles(variables, given),
    databaseUrl: variables.DATABASE_URL,
    deploymentsFile: variables.DEPLOYMENTS_FILE ?? null,
    /** Null serves none. */
    metricsPort: variables.METRICS_PORT ?? null,
    /** Null makes none. */
    traces:
      variables.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? null
        : {
            endpoint: variables.OTEL_EXPORTER_OTLP_ENDPOINT,
            sampler: variables.OTEL_TRACES_SAMPLER,
            part: variables.OTEL_TRACES_SAMPLER_ARG,
          },
    drainSeconds: variables.DRAIN_SECONDS,
    jobDeadlineSeconds: variables.JOB_DEADLINE_SECONDS,
    submitTimeoutSeconds: variables.SUBMIT_TIMEOUT_SECONDS,
    submitsAtOnce: variables.SUBMITS_AT_ONCE,
    submitMarginSeconds: variables.SUBMIT_MARGIN_SECONDS,
    pollsAtOnce: variables.POLLS_AT_ONCE,
    pollCostSeconds: variables.POLL_COST_SECONDS,
    outageBackOffSeconds: variables.OUTAGE_BACK_OFF_SECONDS,
    /** Null keeps all. */
    jobRetentionDays: variables.JOB_RETENTION_DAYS ?? null,
    auth: {
      kind: variables.AUTH,
      apiKeysFile: variables.API_KEYS_FILE,
      /** Null where the keys are in the file. */
      jwksUrl: variables.JWT_JWKS_URL ?? null,
      publicKeyFile: variables.JWT_PUBLIC_KEY_FILE ?? "",
      issuer: variables.JWT_ISSUER ?? "",
      audience: variables.JWT_AUDIENCE ?? "",
    },
    httpAccess: toHttpAccess(variables, given),
    limits: toLimits(variables, given),
    /** Null when unset. */
    logLevel: variables.LOG_LEVEL ?? null,
    /** Sentences about what may not be meant. */
    warnings,
  });
}

/** The variables of `own` and of the `.env` in the working directory; `own` wins, and empty values are left out. */
export function readEnvironment(own: Given): Given {
  return withoutEmpty({ ...readDotEnv(), ...withoutEmpty(own) });
}

function readDotEnv(): Given {
  try {
    // Unlike Buffer's, this decoder drops the mark that some editors put first, and stops at what is not UTF-8.
    const decoder = new TextDecoder("utf-8", { fatal: true });
    return parseEnv(decoder.decode(readFileSync(".env")));
  } catch (cause) {
    const code = String(codeOf(cause) ?? cause);
    if (code === "ENOENT") return {};
    throw new Error(
      `The file .env can't be read (${code}). Save it as UTF-8 text that the gateway may read, or remove it.`,
      { cause },
    );
  }
}

function withoutEmpty(environment: Given): Given {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()));
}

type Variables = z.infer<typeof VARIABLES>;
type Given = Readonly<Record<string, string | undefined>>;

/** The values of variables with such names may hold a credential, so no message repeats them. */
const SECRET_NAME = /TOKEN|KEY|SECRET|URL|ENDPOINT/;

const HEAD =
  "The gateway can't start. Correct these variables, in the environment or in .env (--port and --database stand for PORT and DATABASE_URL):";

function explain(error: z.ZodError | undefined, given: Given): readonly string[] {
  return (error?.issues ?? []).map(({ path, message }) => {
    const name = String(path[0]);
    const value = SECRET_NAME.test(name) ? "" : `, not ${JSON.stringify(given[name])}`;
    return `${name} ${message}${value}.`;
  });
}

function toUpstream(variables: Variables, given: Given) {
  const { RUNCOMFY_API_TOKEN: token = "", RUNCOMFY_BASE_URL: baseUrl } = variables;
  if (!isSandbox(given)) {
    const name = nameUpstream(baseUrl, variables.UPSTREAM_ACCOUNT ?? null);
    return { kind: "runcomfy", name, baseUrl, token } as const;
  }
  const { PORT, SANDBOX_PORT } = variables;
  const givesWay = given["SANDBOX_PORT"] === undefined && SANDBOX_PORT === PORT;
  return {
    kind: "sandbox",
    name: SANDBOX,
    port: givesWay ? 0 : SANDBOX_PORT,
    speed: variables.SANDBOX_SPEED,
    /** Null keeps its requests in memory. */
    dataFolder: variables.SANDBOX_DATA ?? besideDatabase(variables.DATABASE_URL, "sandbox"),
    filesExpireSeconds: variables.SANDBOX_FILES_EXPIRE_SECONDS,
  } as const;
}

/** The folder of this name beside the database file; null where that is in memory. */
function besideDatabase(databaseUrl: string, name: string): string | null {
  if (databaseUrl === ":memory:") return null;
  const path = /^file:(.+)$/.exec(databaseUrl)?.[1];
  return path === undefined ? `data/${name}` : join(dirname(path), name);
}

function toFiles(variables: Variables, given: Given) {
  const folder = besideDatabase(variables.DATABASE_URL, "files");
  return {
    /** Null keeps them in a temporary folder. */
    url: variables.FILES_URL ?? (folder === null ? null : `file:${folder}`),
    credentials: {
      accessKeyId: variables.AWS_ACCESS_KEY_ID ?? "",
      secretAccessKey: variables.AWS_SECRET_ACCESS_KEY ?? "",
      sessionToken: variables.AWS_SESSION_TOKEN ?? null,
    },
    /** Null is what the server listens on. */
    publicUrl: variables.PUBLIC_URL ?? null,
    uploadBytes: variables.UPLOAD_MIB * 1_048_576,
    isMetadataStripped: variables.UPLOAD_STRIP_METADATA,
    areOutputsKept: variables.KEEP_OUTPUTS ?? isSandbox(given),
    keepBytes: variables.KEEP_MIB * 1_048_576,
  };
}

function toHttpAccess(variables: Variables, given: Given) {
  const areOpen = !isProduction(given);
  return {
    /** Null admits those on loopback, where nothing there costs money or is another's. */
    origins: variables.CORS_ORIGINS ?? null,
    hasIntrospection: variables.INTROSPECTION ?? areOpen,
    hasGraphiql: variables.GRAPHIQL ?? areOpen,
    hasConsole: variables.CONSOLE ?? areOpen,
    /** Null admits every document. */
    trustedDocumentsFile: variables.TRUSTED_DOCUMENTS ?? null,
  };
}

function toLimits(variables: Variables, given: Given) {
  // Without authentication there is one owner, whose only limits are the ones that are set.
  const perOwner = (name: keyof typeof OWNER_VARIABLES): number | null =>
    variables.AUTH === "none" && given[name] === undefined ? null : variables[name];
  return {
    document: { tokens: 5_000, cost: variables.DOCUMENT_COST },
    answerBytes: variables.ANSWER_MIB * 1_048_576,
    unreadBytes: variables.UNREAD_MIB * 1_048_576,
    http: {
      bodyBytes: variables.BODY_KIB * 1_024,
      headersBytes: variables.HEADERS_KIB * 1_024,
      requestSeconds: variables.REQUEST_TIMEOUT_SECONDS,
      idleSeconds: variables.IDLE_TIMEOUT_SECONDS,
      connections: variables.MAX_CONNECTIONS,
    },
    webSocket: {
      initSeconds: variables.REQUEST_TIMEOUT_SECONDS,
      messageBytes: variables.BODY_KIB * 1_024,
      operationsPerSocket: 500,
      sockets: variables.MAX_CONNECTIONS,
      subscriptions: 50_000,
    },
    owner: {
      requestsPerSecond: perOwner("REQUESTS_PER_SECOND"),
      submitsPerMinute: perOwner("SUBMITS_PER_MINUTE"),
      jobsInFlight: perOwner("JOBS_IN_FLIGHT"),
      jobsPerDay: perOwner("JOBS_PER_DAY"),
      sockets: perOwner("SOCKETS_PER_OWNER"),
      subscriptions: perOwner("SUBSCRIPTIONS_PER_OWNER"),
      uploadMibPerDay: perOwner("UPLOAD_MIB_PER_DAY"),
      openUploads: perOwner("OPEN_UPLOADS"),
    },
  };
}
