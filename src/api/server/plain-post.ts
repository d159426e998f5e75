import type { ServerResponse } from "node:http";

import type { ExecutionArgs } from "graphql";
import { getOperationAST, OperationTypeNode } from "graphql";
import { processRegularResult } from "graphql-yoga";
import { z } from "zod";

import type { ByteLimit } from "../../runtime/byte-limit.ts";
import { clock } from "../../runtime/environment.ts";
import type { JsonObject } from "../../engine/job/json.ts";
import { isJsonObject } from "../../engine/job/json.ts";
import type {
  OperationOrigin,
  OperationParams,
  Operations,
} from "../operations/create-operations.ts";
import { countAnswer } from "./count-answer.ts";

const JSON_TYPE = "application/json";

/**
 * Answers a POST of JSON that wants JSON and whose document is valid: Yoga's way, by a fetch request and a
 * response, costs several times what the rest does. Nobody can tell the two ways apart. False, and nothing done, where
 * the request has to go Yoga's way.
 */
export async function answerPlainPost(options: {
  readonly operations: Operations;
  readonly answers: ByteLimit;
  readonly body: Buffer;
  readonly accept: string | undefined;
  readonly origin: OperationOrigin;
  readonly response: ServerResponse;
}): Promise<boolean> {
  const { operations, answers, origin, response } = options;
  const [accepted = ""] = (options.accept ?? "*/*").toLowerCase().split(",", 1);
  const type = TYPES.get(accepted.trim());
  const params = type === undefined ? null : toParams(options.body);
  // Yoga says of the parameter that it is unknown.
  const isUnfit = params?.documentId !== undefined && !operations.takesIds;
  if (type === undefined || params === null || isUnfit) return false;
  const args = operations.prepare(params, origin);
  if (!("document" in args) || isSubscription(args)) return false;
  const result = await operations.execute(args);
  if (result.errors === undefined) {
    const text = JSON.stringify(result);
    // The answers of a turn leave together: a write between two reads takes twice the time, as it wakes its reader.
    await clock.nextTurn();
    send(answers, response, { status: 200, type, text });
    return true;
  }
  // Rare enough for Yoga's own rules of statuses.
  const answer = processRegularResult(result, operations.yoga.fetchAPI, type);
  send(answers, response, { status: answer.status, type, text: await answer.text() });
  return true;
}

function isSubscription({ document, operationName }: ExecutionArgs): boolean {
  const operation = getOperationAST(document, operationName)?.operation;
  return operation === OperationTypeNode.SUBSCRIPTION;
}

function send(
  answers: ByteLimit,
  response: ServerResponse,
  { status, type, text }: { status: number; type: string; text: string },
): void {
  // A client that has left while its operation ran.
  if (response.closed) return;
  const length = Buffer.byteLength(text);
  countAnswer(answers, response, length);
  response.writeHead(status, {
    "Content-Type": `${type}; charset=utf-8`,
    "content-length": length,
  });
  response.end(text);
}

/** What Yoga would take as well: anything else it refuses, in its own words. */
function toParams(body: Buffer): OperationParams | null {
  try {
    return PARAMS.safeParse(JSON.parse(body.toString())).data ?? null;
  } catch {
    return null;
  }
}

const OBJECT = z.custom<JsonObject>(isJsonObject);
const PARAMS = z.strictObject({
  query: z.string().optional(),
  documentId: z.string().optional(),
  operationName: z.string().nullish(),
  variables: OBJECT.nullish(),
  extensions: OBJECT.nullish(),
});

/** What Yoga would answer with for what a client accepts first; what is not here takes Yoga to find out. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ["application/graphql-response+json", "application/graphql-response+json"],
  ...[JSON_TYPE, "*/*", "application/*"].map((accepted) => [accepted, JSON_TYPE] as const),
]);
