import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";

import leven from "leven";
import { z } from "zod";

import { codeOf, SetupError } from "../runtime/coded-error.ts";
import { COMMANDS } from "./commands.ts";
import type { Rules } from "./rules.ts";
import { isHost, isLoopback, isSafeUrl, NOTES } from "./rules.ts";
import type { OWNER_VARIABLES } from "./variables.ts";
import { VARIABLES, VENDOR_URL } from "./variables.ts";

/** How the gateway was asked to run; parsed, with defaults filled in. `variables.ts` says what each variable means. */
export type Config = ReturnType<typeof loadConfig>;

/**
 * Reads the variables of the gateway and of its parts; an empty value counts as unset. Throws a `SetupError` that lists
 * every problem.
 */
export function loadConfig<Part extends { readonly settings?: Rules }>(
  environment: Given,
  parts: readonly Part[] = [],
) {
  const given = withoutEmpty(environment);
  const parsed = VARIABLES.safeParse(given);
  const ofParts = parts.map((part) => ({
    part,
    parsed: z.object(part.settings ?? {}).safeParse(given),
  }));
  const rulesOfParts: Rules = Object.assign({}, ...parts.map(({ settings }) => settings));
  const rules: Rules = { ...VARIABLES.shape, ...rulesOfParts };
  // Found apart, so that they are listed beside what is wrong with single variables.
  const problems = [
    ...[parsed, ...ofParts.map((one) => one.parsed)].flatMap(({ error }) =>
      explain(error, { given: environment, rules }),
    ),
    ...findProblems(given),
    ...findTakenPorts(given, Object.keys(rulesOfParts)),
  ];
  const misspelt = findMisspelt(given, Object.keys(rules));
  const advice = findAdvice(given);
  if (!parsed.success || problems.length > 0) {
    const wrong = [...problems, ...misspelt];
    const lists = [[HEAD, ...wrong], ...(advice.length > 0 ? [[ADVICE_HEAD, ...advice]] : [])];
    throw new SetupError(lists.map((lines) => lines.join("\n  ")).join("\n"));
  }
  const variables = parsed.data;
  return Object.freeze({
    host: variables.HOST,
    port: variables.PORT,
    upstream: toUpstream(variables, given),
    apiVersion: variables.RUNCOMFY_API_VERSION,
    files: toFiles(variables, given),
    drawsSeeds: variables.DRAW_SEEDS,
    databaseUrl: variables.DATABASE_URL,
    deploymentsFile: variables.DEPLOYMENTS_FILE ?? null,
    drainSeconds: variables.DRAIN_SECONDS,
    jobDeadlineSeconds: variables.JOB_DEADLINE_SECONDS,
    submitTimeoutSeconds: variables.SUBMIT_TIMEOUT_SECONDS,
    submitsAtOnce: variables.SUBMITS_AT_ONCE,
    submitMarginSeconds: variables.SUBMIT_MARGIN_SECONDS,
    pollsAtOnce: variables.POLLS_AT_ONCE,
    pollCostSeconds: variables.POLL_COST_SECONDS,
    /** Whether submits ask RunComfy to say when the job has ended. */
    areUpstreamWebhooksOn: variables.UPSTREAM_WEBHOOKS && isReachable(variables, given),
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
    isProduction: isProduction(given),
    /** Null when unset. */
    logLevel: variables.LOG_LEVEL ?? null,
    /** Those that there are, whether on or off, each with its settings. */
    parts: ofParts.map(({ part, parsed: { data = {} } }) => ({ part, settings: data })),
    /** Sentences about what may not be meant. */
    warnings: [...misspelt, ...advice],
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

/** That of its Model API. */
export const VENDOR_MODEL_URL = "https://model-api.runcomfy.net";

const HEAD =
  "The gateway can't start. Correct these variables, in the environment or in .env (--port and --database stand for PORT and DATABASE_URL):";
const ADVICE_HEAD = "This may not be meant:";

function explain(
  error: z.ZodError | undefined,
  { given, rules }: { readonly given: Given; readonly rules: Rules },
): readonly string[] {
  return (error?.issues ?? []).map(({ path, message }) => {
    const name = String(path[0]);
    const rule = rules[name];
    const isSecret = rule !== undefined && NOTES.get(rule)?.isSecret === true;
    const value = isSecret ? "" : `, not ${JSON.stringify(given[name])}`;
    return `${name} ${message}${value}.`;
  });
}

function toUpstream(variables: Variables, given: Given) {
  const { RUNCOMFY_API_TOKEN: token = "", RUNCOMFY_BASE_URL: baseUrl } = variables;
  if (!isSandbox(given)) {
    const isVendor = new URL(baseUrl).origin === VENDOR_URL;
    // The token goes to no host that nobody named.
    const modelUrl = variables.RUNCOMFY_MODEL_URL ?? (isVendor ? VENDOR_MODEL_URL : null);
    const account = variables.UPSTREAM_ACCOUNT ?? null;
    return { kind: "runcomfy", baseUrl, modelUrl, account, token } as const;
  }
  const { PORT, SANDBOX_PORT } = variables;
  const givesWay = given["SANDBOX_PORT"] === undefined && SANDBOX_PORT === PORT;
  return {
    kind: "sandbox",
    port: givesWay ? 0 : SANDBOX_PORT,
    speed: variables.SANDBOX_SPEED,
    /** Null keeps its requests in memory. */
    dataFolder: variables.SANDBOX_DATA ?? besideDatabase(variables.DATABASE_URL, "sandbox"),
    filesExpireSeconds: variables.SANDBOX_FILES_EXPIRE_SECONDS,
  } as const;
}

/** Whether the upstream can call the gateway, as far as their addresses say. */
function isReachable({ PUBLIC_URL = "", RUNCOMFY_BASE_URL }: Variables, given: Given): boolean {
  const isHere = isSandbox(given) || isLoopback(new URL(RUNCOMFY_BASE_URL).hostname);
  return PUBLIC_URL.startsWith("https:") || (isHere && isSafeUrl(PUBLIC_URL));
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
    /** Whether people sign in to the gateway's page once. */
    hasSignIns: variables.SIGN_IN === "key",
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
      heldJobs: perOwner("HELD_JOBS"),
    },
  };
}

/** What is wrong with variables together, though each may be valid: texts that name one and say what to set. */
function findProblems(given: Given): readonly string[] {
  const { UPSTREAM, RUNCOMFY_API_TOKEN, NODE_ENV } = given;
  const { FILES_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = given;
  const { JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL, JWT_PUBLIC_KEY_FILE } = given;
  const { AUTH, HOST = "", SIGN_IN } = { ...DEFAULTS, ...given };
  const isJwt = AUTH === "jwt";
  const hasNoToken = RUNCOMFY_API_TOKEN === undefined;
  const problems = [
    hasNoToken &&
      UPSTREAM === "runcomfy" &&
      "RUNCOMFY_API_TOKEN must be set with UPSTREAM=runcomfy. Set it, or UPSTREAM=sandbox to do without an account.",
    hasNoToken &&
      UPSTREAM === undefined &&
      isProduction(given) &&
      `RUNCOMFY_API_TOKEN must be set with NODE_ENV=${NODE_ENV}: without it the sandbox would draw pictures and call jobs SUCCEEDED that never ran. Set it, or UPSTREAM=sandbox if that is what you want.`,
    FILES_URL?.startsWith("s3:") === true &&
      (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) &&
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set with FILES_URL=s3://….",
    AUTH === "none" &&
      isHost(HOST) &&
      !isLoopback(HOST) &&
      `AUTH must be api-keys or jwt where HOST is not a loopback address, because anybody who reaches it could spend your money and read every job. Set AUTH=api-keys (make a key with: ${COMMANDS.key} create --owner web), or HOST=127.0.0.1.`,
    AUTH === "none" &&
      !!SIGN_IN &&
      "AUTH must be api-keys or jwt with SIGN_IN=key: without an AUTH nobody has to sign in. Set AUTH, or leave SIGN_IN out.",
    isJwt && !JWT_ISSUER && "JWT_ISSUER must be set with AUTH=jwt: no other issuer's tokens count.",
    isJwt && !JWT_AUDIENCE && "JWT_AUDIENCE must be set with AUTH=jwt: no others' tokens count.",
    isJwt &&
      !JWT_JWKS_URL &&
      !JWT_PUBLIC_KEY_FILE &&
      "JWT_JWKS_URL or JWT_PUBLIC_KEY_FILE must be set with AUTH=jwt.",
    isJwt &&
      JWT_JWKS_URL !== undefined &&
      JWT_PUBLIC_KEY_FILE !== undefined &&
      "JWT_JWKS_URL must be unset with JWT_PUBLIC_KEY_FILE: set one of the two.",
  ];
  return problems.filter(isText);
}

/** What is wrong with ports that are set. A default SANDBOX_PORT gives way to PORT. */
function findTakenPorts(given: Given, ofParts: readonly string[]): readonly string[] {
  const all: Given = { ...DEFAULTS, ...given };
  const sandbox = isSandbox(given) ? ["SANDBOX_PORT"] : [];
  const names = ["PORT", ...sandbox, ...ofParts.filter((name) => name.endsWith("_PORT"))];
  return names.flatMap((name, at) => {
    const others = names.slice(0, at);
    const port = Number(given[name] ?? 0);
    return port > 0 && others.some((other) => Number(all[other]) === port)
      ? `${name} must be another port than ${others.join(" and ")} (0 takes a free one), not "${given[name]}".`
      : [];
  });
}

/** Whether the sandbox stands in for RunComfy. */
function isSandbox({ UPSTREAM, RUNCOMFY_API_TOKEN }: Given): boolean {
  return UPSTREAM === "sandbox" || (UPSTREAM !== "runcomfy" && RUNCOMFY_API_TOKEN === undefined);
}

/** Whether nothing is shown or assumed that only developers want: a stage is closed until somebody opens it. */
function isProduction({ NODE_ENV = "development" }: Given): boolean {
  return !["development", "test"].includes(NODE_ENV);
}

/** Sentences about good values that may not be meant. */
function findAdvice(given: Given): readonly string[] {
  const { AUTH, HOST = "" } = { ...DEFAULTS, ...given };
  const { NODE_ENV, PUBLIC_URL, KEEP_OUTPUTS = String(isSandbox(given)) } = given;
  const isHere = isLoopback(HOST) || HOST === "0.0.0.0" || HOST === "::";
  const advice = [
    isProduction(given) &&
      NODE_ENV !== "production" &&
      `NODE_ENV is ${JSON.stringify(NODE_ENV)}, which counts as production: GraphiQL, introspection and what else is for developers are off unless they are set. Set NODE_ENV to production, or to development or test.`,
    AUTH !== "none" &&
      KEEP_OUTPUTS === "true" &&
      PUBLIC_URL === undefined &&
      isHere &&
      "Outputs are kept, and without PUBLIC_URL each keptUrl names this machine as only itself can reach it. Set PUBLIC_URL to the gateway's address as browsers see it, such as https://gateway.example.com.",
  ];
  return advice.filter(isText);
}

function isText(found: string | false): found is string {
  return found !== false;
}

/** Sentences about names that are no variables of the gateway but look like one. */
function findMisspelt(given: Given, names: readonly string[]): readonly string[] {
  // Each once, as npm sets dozens of variables that are compared with all of them.
  const known = names.map((name) => ({ name, ...toSpelt(name) }));
  return Object.keys(given).flatMap((name) => {
    if (names.includes(name)) return [];
    const spelt = toSpelt(name);
    // Nobody else uses this prefix. Other names are often meant for other programs, so they have to be nearer.
    const most = name.startsWith("RUNCOMFY_") ? 0.4 : 0.2;
    const [nearest] = known
      .map((one) => ({ meant: one.name, distance: measure(spelt, one) }))
      .filter(({ distance }) => distance <= most)
      .toSorted((a, b) => a.distance - b.distance);
    if (nearest === undefined) return [];
    return `${name} is no variable of the gateway and has no effect. Did you mean ${nearest.meant}?`;
  });
}

/** The name as it is compared, and its letters in order, each once where one stands twice. */
function toSpelt(name: string) {
  const folded = name.toUpperCase().replaceAll(/[_-]/g, "");
  return { folded, letters: [...folded.replaceAll(/(.)\1/g, "$1")].toSorted().join("") };
}

type Spelt = ReturnType<typeof toSpelt>;

/** The share of letters to change; 0 where one stands twice, or they stand in another order, as in PORTT and PROT. */
function measure(name: Spelt, known: Spelt): number {
  const isSlip = known.folded.length > 3 && name.letters === known.letters;
  return isSlip ? 0 : leven(name.folded, known.folded) / known.folded.length;
}

const DEFAULTS: Given = Object.fromEntries(
  Object.entries(VARIABLES.shape).map(([name, rule]) => [name, NOTES.get(rule)?.value ?? ""]),
);
