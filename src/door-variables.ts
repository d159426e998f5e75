import { z } from "zod";

import { DEFAULT_API_KEYS_FILE } from "./auth/auth-config.ts";
import {
  flag,
  isHost,
  isLoopback,
  isOrigin,
  isSafeUrl,
  matching,
  number,
  toList,
} from "./environment-rules.ts";

const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;
const KNOWN_ALGORITHMS: ReadonlySet<string> = new Set(ALGORITHMS);
const ONE_LINE = "must be one line without control characters";

/** The variables of who may come in, and from where. */
export const DOOR_VARIABLES = {
  AUTH: z.enum(["none", "api-keys", "jwt"], "must be none, api-keys or jwt").default("none"),
  API_KEYS_FILE: z.string().default(DEFAULT_API_KEYS_FILE),
  JWT_JWKS_URL: z
    .string()
    .refine(isSafeUrl, "must be an https: URL without user or fragment (http: on loopback)")
    .optional(),
  JWT_PUBLIC_KEY_FILE: z.string().optional(),
  JWT_ISSUER: matching(/^\P{Cc}+$/u, ONE_LINE).optional(),
  JWT_AUDIENCE: matching(/^\P{Cc}+$/u, ONE_LINE).optional(),
  JWT_ALGORITHMS: z
    .string()
    .transform(toList)
    .refine(
      (names) => names.length > 0 && names.every((name) => KNOWN_ALGORITHMS.has(name)),
      `must be a list of ${ALGORITHMS.join(", ")} (symmetric ones are refused, because whoever checks a token could make one, and so is none)`,
    )
    .default(ALGORITHMS),
  JWT_CLOCK_TOLERANCE_SECONDS: number(0, 60).default(5),
  CORS_ORIGINS: z
    .string()
    .transform(toList)
    .refine(
      (origins) => origins.every(isOrigin),
      "must be a list of exact origins, such as https://app.example.com, as browsers send them: lower case, no path, no slash at the end, no default port, no *",
    )
    .default([]),
  INTROSPECTION: flag().optional(),
  GRAPHIQL: flag().optional(),
  TRUSTED_DOCUMENTS: z.string().optional(),
  NODE_ENV: z.string().optional(),
};

type DoorVariables = z.infer<z.ZodObject<typeof DOOR_VARIABLES>>;
type Given = Readonly<Record<string, string | undefined>>;

/** What is wrong with the doors' variables as a whole: texts that name the variable and what to set. */
export function findDoorProblems(given: Given): readonly string[] {
  const { AUTH = "none", HOST = "127.0.0.1" } = given;
  if (AUTH === "none" && isHost(HOST) && !isLoopback(HOST)) {
    return [
      `AUTH must be api-keys or jwt where HOST is not a loopback address, because everybody who reaches it could spend and read. Set AUTH=api-keys (make a key with: npm run --silent key -- create --owner web), or HOST=127.0.0.1.`,
    ];
  }
  return AUTH === "jwt" ? findJwtProblems(given) : [];
}

function findJwtProblems(given: Given): readonly string[] {
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

/** Of variables in which `findDoorProblems` found nothing. */
export function toAuth(variables: DoorVariables) {
  switch (variables.AUTH) {
    case "none":
      return { kind: "none" } as const;
    case "api-keys":
      return { kind: "api-keys", file: variables.API_KEYS_FILE } as const;
    case "jwt":
      return {
        kind: "jwt",
        keys: toKeys(variables),
        issuer: variables.JWT_ISSUER ?? "",
        audience: variables.JWT_AUDIENCE ?? "",
        algorithms: variables.JWT_ALGORITHMS,
        clockToleranceSeconds: variables.JWT_CLOCK_TOLERANCE_SECONDS,
      } as const;
  }
}

function toKeys({ JWT_JWKS_URL: jwksUrl, JWT_PUBLIC_KEY_FILE: publicKeyFile }: DoorVariables) {
  return jwksUrl === undefined ? { publicKeyFile: publicKeyFile ?? "" } : { jwksUrl };
}

export function toDoors(variables: DoorVariables) {
  const isProduction = variables.NODE_ENV === "production";
  return {
    origins: variables.CORS_ORIGINS,
    hasIntrospection: variables.INTROSPECTION ?? !isProduction,
    hasGraphiql: variables.GRAPHIQL ?? !isProduction,
    trustedDocumentsFile: variables.TRUSTED_DOCUMENTS ?? null,
  };
}
