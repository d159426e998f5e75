import { isHost, isLoopback, NOTES } from "./rules.ts";
import { VARIABLES } from "./variables.ts";

type Given = Readonly<Record<string, string | undefined>>;

/** What is wrong with variables as a whole, each of which may be good: texts that name one and say what to set. */
export function findProblems(given: Given): readonly string[] {
  const filled: Given = { ...findDefaults(), ...given };
  return [
    ...findUpstreamProblems(given),
    ...findSandboxProblems(filled, given),
    ...findDoorProblems(filled),
    ...(given["AUTH"] === "jwt" ? findJwtProblems(given) : []),
    ...findLimitProblems(filled),
  ];
}

/** Whether the sandbox stands in for RunComfy. */
export function isSandbox({ UPSTREAM, RUNCOMFY_API_TOKEN }: Given): boolean {
  return UPSTREAM === "sandbox" || (UPSTREAM !== "runcomfy" && RUNCOMFY_API_TOKEN === undefined);
}

function findDefaults(): Given {
  const values = Object.entries(VARIABLES.shape).map(
    ([name, rule]) => [name, NOTES.get(rule)?.value ?? undefined] as const,
  );
  return Object.fromEntries(values);
}

function findUpstreamProblems({ UPSTREAM, RUNCOMFY_API_TOKEN, NODE_ENV }: Given) {
  if (RUNCOMFY_API_TOKEN !== undefined) return [];
  if (UPSTREAM === "runcomfy")
    return [
      "RUNCOMFY_API_TOKEN must be set with UPSTREAM=runcomfy. Set it, or UPSTREAM=sandbox to do without an account.",
    ];
  if (UPSTREAM === undefined && NODE_ENV === "production")
    return [
      "RUNCOMFY_API_TOKEN must be set with NODE_ENV=production: without it the sandbox would draw pictures and call jobs SUCCEEDED that never ran. Set it, or UPSTREAM=sandbox if that is what you want.",
    ];
  return [];
}

/** One that nobody set gives way. */
function findSandboxProblems({ PORT }: Given, given: Given) {
  const { SANDBOX_PORT } = given;
  const isOnePort = SANDBOX_PORT !== undefined && Number(SANDBOX_PORT) === Number(PORT);
  if (!isSandbox(given) || !isOnePort || Number(PORT) === 0) return [];
  return [
    `SANDBOX_PORT must be another port than PORT (0 takes a free one), not "${SANDBOX_PORT}".`,
  ];
}

function findDoorProblems({ AUTH, HOST = "" }: Given) {
  if (AUTH !== "none" || !isHost(HOST) || isLoopback(HOST)) return [];
  return [
    "AUTH must be api-keys or jwt where HOST is not a loopback address, because anybody who reaches it could spend your money and read every job. Set AUTH=api-keys (make a key with: npm run --silent key -- create --owner web), or HOST=127.0.0.1.",
  ];
}

function findJwtProblems(given: Given) {
  const problems = ["JWT_ISSUER", "JWT_AUDIENCE"]
    .filter((name) => given[name] === undefined)
    .map((name) => `${name} must be set with AUTH=jwt: tokens of and for others are not accepted.`);
  const { JWT_JWKS_URL, JWT_PUBLIC_KEY_FILE } = given;
  if (JWT_JWKS_URL === undefined && JWT_PUBLIC_KEY_FILE === undefined)
    problems.push("JWT_JWKS_URL or JWT_PUBLIC_KEY_FILE must be set with AUTH=jwt.");
  if (JWT_JWKS_URL !== undefined && JWT_PUBLIC_KEY_FILE !== undefined)
    problems.push("JWT_JWKS_URL must be unset with JWT_PUBLIC_KEY_FILE: set one of the two.");
  return problems;
}

function findLimitProblems(given: Given) {
  const problems: string[] = [];
  if (Number(given["HEADERS_TIMEOUT_SECONDS"]) > Number(given["REQUEST_TIMEOUT_SECONDS"]))
    problems.push(
      "HEADERS_TIMEOUT_SECONDS must be at most REQUEST_TIMEOUT_SECONDS, which counts the headers too.",
    );
  if (Number(given["UNREAD_MIB"]) < 4 * Number(given["ANSWER_MIB"]))
    problems.push(
      "UNREAD_MIB must be at least four times ANSWER_MIB: an owner has a quarter of it, which has to hold an answer.",
    );
  return problems;
}
