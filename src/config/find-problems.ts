import leven from "leven";

import { COMMANDS } from "./commands.ts";
import { isHost, isLoopback, NOTES } from "./rules.ts";
import { VARIABLES } from "./variables.ts";

type Given = Readonly<Record<string, string | undefined>>;

/** What is wrong with variables together, each of which may be good: texts that name one and say what to set. */
export function findProblems(given: Given): readonly string[] {
  const filled: Given = { ...DEFAULTS, ...given };
  const { UPSTREAM, RUNCOMFY_API_TOKEN, NODE_ENV, SANDBOX_PORT, METRICS_PORT } = given;
  const { FILES_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = given;
  const { JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL, JWT_PUBLIC_KEY_FILE } = given;
  const { AUTH, HOST = "", PORT } = filled;
  const isJwt = AUTH === "jwt";
  const hasNoToken = RUNCOMFY_API_TOKEN === undefined;
  // A default SANDBOX_PORT gives way.
  const isOnePort = SANDBOX_PORT !== undefined && Number(SANDBOX_PORT) === Number(PORT);
  const takenPorts = [PORT, isSandbox(given) ? filled["SANDBOX_PORT"] : PORT].map(Number);
  const problems = [
    hasNoToken &&
      UPSTREAM === "runcomfy" &&
      "RUNCOMFY_API_TOKEN must be set with UPSTREAM=runcomfy. Set it, or UPSTREAM=sandbox to do without an account.",
    hasNoToken &&
      UPSTREAM === undefined &&
      isProduction(given) &&
      `RUNCOMFY_API_TOKEN must be set with NODE_ENV=${NODE_ENV}: without it the sandbox would draw pictures and call jobs SUCCEEDED that never ran. Set it, or UPSTREAM=sandbox if that is what you want.`,
    isSandbox(given) &&
      isOnePort &&
      Number(PORT) !== 0 &&
      `SANDBOX_PORT must be another port than PORT (0 takes a free one), not "${SANDBOX_PORT}".`,
    Number(METRICS_PORT) > 0 &&
      takenPorts.includes(Number(METRICS_PORT)) &&
      `METRICS_PORT must be another port than PORT and SANDBOX_PORT (0 takes a free one), not "${METRICS_PORT}".`,
    FILES_URL?.startsWith("s3:") === true &&
      (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) &&
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set with FILES_URL=s3://….",
    AUTH === "none" &&
      isHost(HOST) &&
      !isLoopback(HOST) &&
      `AUTH must be api-keys or jwt where HOST is not a loopback address, because anybody who reaches it could spend your money and read every job. Set AUTH=api-keys (make a key with: ${COMMANDS.key} create --owner web), or HOST=127.0.0.1.`,
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
    Number(filled["UNREAD_MIB"]) < 4 * Number(filled["ANSWER_MIB"]) &&
      "UNREAD_MIB must be at least four times ANSWER_MIB: an owner has a quarter of it, which has to hold an answer.",
    // Not four: while a body arrives, its chunks take up to half as much again.
    Number(filled["UNREAD_MIB"]) * 1_024 < 6 * Number(filled["BODY_KIB"]) &&
      "UNREAD_MIB must be at least six times BODY_KIB (1 MiB is 1024 KiB): an owner has a quarter of it, which has to hold a whole body or message.",
  ];
  return problems.filter(isText);
}

/** Whether the sandbox stands in for RunComfy. */
export function isSandbox({ UPSTREAM, RUNCOMFY_API_TOKEN }: Given): boolean {
  return UPSTREAM === "sandbox" || (UPSTREAM !== "runcomfy" && RUNCOMFY_API_TOKEN === undefined);
}

/** Whether nothing is shown or assumed that only developers want: a stage is closed until somebody opens it. */
export function isProduction({ NODE_ENV = "development" }: Given): boolean {
  return !["development", "test"].includes(NODE_ENV);
}

/** Sentences about what may not be meant. */
export function findWarnings(given: Given): readonly string[] {
  const { AUTH, HOST = "" } = { ...DEFAULTS, ...given };
  const { NODE_ENV, PUBLIC_URL, KEEP_OUTPUTS = String(isSandbox(given)) } = given;
  const isHere = isLoopback(HOST) || HOST === "0.0.0.0" || HOST === "::";
  const warnings = [
    ...Object.keys(given).map(findMisspelt),
    isProduction(given) &&
      NODE_ENV !== "production" &&
      `NODE_ENV is ${JSON.stringify(NODE_ENV)}, which counts as production: GraphiQL, introspection and the console are off unless they are set. Set NODE_ENV to production, or to development or test.`,
    AUTH !== "none" &&
      KEEP_OUTPUTS === "true" &&
      PUBLIC_URL === undefined &&
      isHere &&
      "Outputs are kept, and without PUBLIC_URL each keptUrl names this machine as only itself can reach it. Set PUBLIC_URL to the gateway's address as browsers see it, such as https://gateway.example.com.",
  ];
  return warnings.filter(isText);
}

function isText(found: string | false): found is string {
  return found !== false;
}

/** A sentence about a name that is no variable of the gateway but looks like one. */
function findMisspelt(name: string): string | false {
  const meant = Object.hasOwn(VARIABLES.shape, name) ? undefined : findNearest(name);
  return (
    meant !== undefined &&
    `${name} is no variable of the gateway and has no effect. Did you mean ${meant}?`
  );
}

const DEFAULTS: Given = Object.fromEntries(
  Object.entries(VARIABLES.shape).map(([name, rule]) => [name, NOTES.get(rule)?.value ?? ""]),
);

function findNearest(name: string): string | undefined {
  const folded = fold(name);
  const letters = toLetters(folded);
  // Nobody else uses this prefix. Other names are often meant for other programs, so they have to be nearer.
  const share = name.startsWith("RUNCOMFY_") ? 0.4 : 0.2;
  return Object.keys(VARIABLES.shape)
    .map((known) => ({ known, distance: leven(folded, fold(known)) }))
    .filter(
      ({ known, distance }) =>
        distance <= fold(known).length * share ||
        // Two letters that changed places, or one twice: another letter often makes another word of a short one, as POST.
        (distance <= 2 && toLetters(fold(known)) === letters),
    )
    .toSorted((a, b) => a.distance - b.distance)[0]?.known;
}

function fold(name: string): string {
  return name.toUpperCase().replaceAll(/[_-]/g, "");
}

/** Its letters in the order of the alphabet, of a doubled one one. */
function toLetters(folded: string): string {
  return [...folded.replaceAll(/(.)\1/g, "$1")].toSorted().join("");
}
