import type { Api, Call } from "./faults.ts";

const GET = ["GET", "HEAD"];
const POST = ["POST"];
const DEPLOYMENTS = "/prod/(?:v1|v2)/deployments";
const DEPLOYMENT = `${DEPLOYMENTS}/(?<targetId>[^/]+)`;
const OF_DEPLOYMENT = `(?<base>${DEPLOYMENT}/requests/(?<id>[^/]+))`;
const OF_MODEL = "(?<base>/v1/requests/(?<id>[^/]+))";
/** Segments of letters, digits, dots, _ and -: nothing that is escaped. */
const MODEL = "/v1/models/(?<targetId>[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)+)";

/** What is asked, of which API, for which of the calls that faults have names for, with which methods, and where. */
const ROUTES = [
  ["file", "deployments", null, GET, "/files/(?<id>[^/]+)/(?<name>[^/]+)"],
  ["faults", "deployments", null, ["PUT"], "/faults"],
  ["deployments", "deployments", "list", GET, DEPLOYMENTS],
  ["submit", "deployments", "submit", POST, `${DEPLOYMENT}/inference`],
  ["status", "deployments", "status", GET, `${OF_DEPLOYMENT}/status`],
  ["result", "deployments", "result", GET, `${OF_DEPLOYMENT}/result`],
  ["cancel", "deployments", "cancel", POST, `${OF_DEPLOYMENT}/cancel`],
  ["deployment", "deployments", "list", GET, DEPLOYMENT],
  ["object-info", "deployments", "list", GET, "/object-info/(?<targetId>[^/]+)"],
  ["balance", "deployments", "balance", GET, "/prod/v2/balance"],
  ["models", "models", "models", GET, "/v1/models"],
  ["categories", "models", "models", GET, "/v1/models/categories"],
  ["model", "models", "models", GET, MODEL],
  ["submit", "models", "submit", POST, MODEL],
  ["status", "models", "status", GET, `${OF_MODEL}/status`],
  ["result", "models", "result", GET, `${OF_MODEL}/result`],
  ["cancel", "models", "cancel", POST, `${OF_MODEL}/cancel`],
] as const satisfies readonly (readonly [string, Api, Call | null, readonly string[], string])[];

/** Where a request goes: to nothing, to something that takes other methods, or to what it asks for. */
export function findRoute(path: string, method: string) {
  const found = ROUTES.flatMap(([kind, api, call, methods, pattern]) => {
    const match = new RegExp(`^${pattern}$`).exec(path);
    return match === null ? [] : [{ kind, api, call, methods, groups: match.groups ?? {} }];
  });
  if (found.length === 0) return null;
  const route = found.find(({ methods }) => methods.some((one) => one === method));
  return route ?? { kind: null, allow: found.flatMap(({ methods }) => methods).join(", ") };
}
