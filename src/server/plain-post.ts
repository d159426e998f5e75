import type { ServerResponse } from "node:http";

import type { ExecutionArgs } from "graphql";
import { getOperationAST, OperationTypeNode } from "graphql";
import { processRegularResult } from "graphql-yoga";

import { isJsonObject } from "../job/json.ts";
import type {
  OperationOrigin,
  OperationParams,
  Operations,
} from "../operations/create-operations.ts";

const JSON_TYPE = "application/json";
const GRAPHQL_TYPE = "application/graphql-response+json";
/**
 * Answers a POST of JSON that wants JSON, where its document was validated before: Yoga's way, by a fetch request and a
 * response, costs several times what the rest does. Nobody can tell the two ways apart. False, and nothing done, where
 * the request has to go Yoga's way.
 */
export async function answerPlainPost(options: {
  readonly operations: Operations;
  readonly body: Buffer;
  readonly accept: string | undefined;
  readonly origin: OperationOrigin;
  readonly response: ServerResponse;
  /** Called when it is read and runs. */
  readonly release: () => void;
}): Promise<boolean> {
  const { operations, origin, response, release } = options;
  const type = toMediaType(options.accept ?? "*/*");
  const params = type === null ? null : toParams(options.body);
  const args = params === null ? null : operations.recall(params, origin);
  if (type === null || args === null || isSubscription(args)) return false;
  const executing = operations.execute(args);
  release();
  const result = await executing;
  if (result.errors === undefined) {
    send(response, 200, type, JSON.stringify(result));
    return true;
  }
  // Rare enough for Yoga's own rules of statuses.
  const told = processRegularResult(result, operations.yoga.fetchAPI, type);
  send(response, told.status, type, await told.text());
  return true;
}

function isSubscription({ document, operationName }: ExecutionArgs): boolean {
  const operation = getOperationAST(document, operationName)?.operation;
  return operation === OperationTypeNode.SUBSCRIPTION;
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  // A client that has left while its operation ran.
  if (response.closed) return;
  const length = Buffer.byteLength(body);
  response.writeHead(status, {
    "Content-Type": `${type}; charset=utf-8`,
    "content-length": length,
  });
  response.end(body);
}

/** What Yoga would take as well: anything else it refuses, in its own words. */
function toParams(body: Buffer): OperationParams | null {
  try {
    const json: unknown = JSON.parse(body.toString());
    return isParams(json) ? json : null;
  } catch {
    return null;
  }
}

function isParams(json: unknown): json is OperationParams {
  if (!isJsonObject(json)) return false;
  return Object.entries(json).every(([name, value]) => PARAMS.get(name)?.(value) === true);
}

const isText = (value: unknown): boolean => typeof value === "string";
const orNull = (is: (value: unknown) => boolean) => (value: unknown) => value === null || is(value);

const PARAMS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["query", isText],
  ["documentId", isText],
  ["operationName", orNull(isText)],
  ["variables", orNull(isJsonObject)],
  ["extensions", orNull(isJsonObject)],
]);

/** The type that Yoga would answer with; null for what is no plain JSON. */
function toMediaType(accept: string): string | null {
  for (const range of accept.replaceAll(/\s/g, "").toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";");
    const charset = parameters.find((parameter) => parameter.includes("charset="));
    if (charset !== undefined && charset !== "charset=utf-8") continue;
    if (type === GRAPHQL_TYPE) return GRAPHQL_TYPE;
    if (type === JSON_TYPE || type === "*/*" || type === "application/*" || type === "*/json")
      return JSON_TYPE;
  }
  return null;
}
