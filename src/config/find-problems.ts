import { isHost, isLoopback } from "./rules.ts";

type Given = Readonly<Record<string, string | undefined>>;

/** What is wrong with variables as a whole, each of which may be good: texts that name one and say what to set. */
export function findProblems(given: Given): readonly string[] {
  return [
    ...findUpstreamProblems(given),
    ...findDoorProblems(given),
    ...(given["AUTH"] === "jwt" ? findJwtProblems(given) : []),
    ...findLimitProblems(given),
  ];
}

/** Whether the sandbox stands in for RunComfy. */
export function isSandbox({ UPSTREAM, RUNCOMFY_API_TOKEN }: Given): boolean {
  return UPSTREAM === "sandbox" || (UPSTREAM !== "runcomfy" && RUNCOMFY_API_TOKEN === undefined);
}

function findUpstreamProblems(given: Given) {
  const { UPSTREAM, RUNCOMFY_API_TOKEN, NODE_ENV, PORT = "4000", SANDBOX_PORT } = given;
  const hasToken = RUNCOMFY_API_TOKEN !== undefined;
  if (!hasToken && UPSTREAM === "runcomfy")
    return [
      "RUNCOMFY_API_TOKEN must be set with UPSTREAM=runcomfy. Set it, or UPSTREAM=sandbox to do without an account.",
    ];
  if (!hasToken && UPSTREAM === undefined && NODE_ENV === "production")
    return [
      "RUNCOMFY_API_TOKEN must be set with NODE_ENV=production: without it the sandbox would draw pictures and call jobs SUCCEEDED that never ran. Set it, or UPSTREAM=sandbox if that is what you want.",
    ];
  const isOnePort = SANDBOX_PORT !== undefined && Number(SANDBOX_PORT) === Number(PORT);
  if (!isSandbox(given) || !isOnePort || Number(PORT) === 0) return [];
  return [
    `SANDBOX_PORT must be another port than PORT (0 takes a free one), not "${SANDBOX_PORT}".`,
  ];
}

function findDoorProblems({ AUTH = "none", HOST = "127.0.0.1" }: Given) {
  if (AUTH !== "none" || !isHost(HOST) || isLoopback(HOST)) return [];
  return [
    "AUTH must be api-keys or jwt where HOST is not a loopback address, because everybody who reaches it could spend and read. Set AUTH=api-keys (make a key with: npm run --silent key -- create --owner web), or HOST=127.0.0.1.",
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
    problems.push("JWT_JWKS_URL must be unset where JWT_PUBLIC_KEY_FILE is set, or that one.");
  return problems;
}

function findLimitProblems(given: Given) {
  const { HEADERS_TIMEOUT_SECONDS: headers = "10", REQUEST_TIMEOUT_SECONDS: request = "20" } =
    given;
  if (!(Number(headers) > Number(request))) return [];
  return [
    "HEADERS_TIMEOUT_SECONDS must be at most REQUEST_TIMEOUT_SECONDS, which counts the headers too.",
  ];
}
