import { isHost, isLoopback } from "./rules.ts";

type Given = Readonly<Record<string, string | undefined>>;

/** What is wrong with variables as a whole, each of which may be good: texts that name one and say what to set. */
export function findProblems(given: Given): readonly string[] {
  return [
    ...findSandboxProblems(given),
    ...findDoorProblems(given),
    ...(given["AUTH"] === "jwt" ? findJwtProblems(given) : []),
    ...findLimitProblems(given),
  ];
}

function findSandboxProblems({ RUNCOMFY_API_TOKEN, PORT = "4000", SANDBOX_PORT }: Given) {
  const isOnePort = SANDBOX_PORT !== undefined && Number(SANDBOX_PORT) === Number(PORT);
  if (RUNCOMFY_API_TOKEN !== undefined || !isOnePort || Number(PORT) === 0) return [];
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
