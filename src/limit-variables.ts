import type { z } from "zod";

import { number, wholeNumber } from "./environment-rules.ts";

const MANY = 1_000_000_000;

/** The variables of how much may be asked for. */
export const LIMIT_VARIABLES = {
  DOCUMENT_TOKENS: wholeNumber(100, 20_000).default(5_000),
  DOCUMENT_DEPTH: wholeNumber(3, 100).default(12),
  DOCUMENT_ALIASES: wholeNumber(0, 10_000).default(30),
  DOCUMENT_DIRECTIVES: wholeNumber(0, 10_000).default(50),
  DOCUMENT_COST: wholeNumber(100, MANY).default(15_000),
  ANSWER_MIB: wholeNumber(1, 1_024).default(32),
  UNREAD_MIB: wholeNumber(4, 65_536).default(512),
  BODY_KIB: wholeNumber(1, 65_536).default(256),
  HEADERS_KIB: wholeNumber(4, 1_024).default(16),
  HEADERS_TIMEOUT_SECONDS: number(0.1, 600).default(10),
  REQUEST_TIMEOUT_SECONDS: number(0.1, 600).default(20),
  IDLE_TIMEOUT_SECONDS: number(0.1, 600).default(20),
  MAX_CONNECTIONS: wholeNumber(1, 1_000_000).default(20_000),
  SOCKET_INIT_SECONDS: number(0.1, 600).default(10),
  SOCKET_MESSAGE_KIB: wholeNumber(1, 65_536).default(256),
  OPERATIONS_PER_SOCKET: wholeNumber(1, 100_000).default(500),
  MAX_SOCKETS: wholeNumber(1, 1_000_000).default(20_000),
  MAX_SUBSCRIPTIONS: wholeNumber(1, 10_000_000).default(50_000),
  SOCKET_UNREAD_KIB: wholeNumber(64, 1_048_576).default(16_384),
  REQUESTS_PER_SECOND: wholeNumber(1, MANY).optional(),
  SUBMITS_PER_MINUTE: wholeNumber(1, MANY).optional(),
  JOBS_IN_FLIGHT: wholeNumber(1, MANY).optional(),
  JOBS_PER_DAY: wholeNumber(1, MANY).optional(),
  SOCKETS_PER_OWNER: wholeNumber(1, MANY).optional(),
  SUBSCRIPTIONS_PER_OWNER: wholeNumber(1, MANY).optional(),
};

type LimitVariables = z.infer<z.ZodObject<typeof LIMIT_VARIABLES>>;

/** What is wrong with the limits' variables as a whole. */
export function findLimitProblems(given: Readonly<Record<string, string | undefined>>) {
  const { HEADERS_TIMEOUT_SECONDS: headers = "10", REQUEST_TIMEOUT_SECONDS: request = "20" } =
    given;
  const { ANSWER_MIB: answer = "32", UNREAD_MIB: unread = "512" } = given;
  const problems = [];
  if (Number(headers) > Number(request))
    problems.push(
      "HEADERS_TIMEOUT_SECONDS must be at most REQUEST_TIMEOUT_SECONDS, which counts the headers too.",
    );
  if (Number(unread) < 4 * Number(answer))
    problems.push(
      "UNREAD_MIB must be at least four times ANSWER_MIB: each owner has a quarter of it, which has to hold an answer.",
    );
  return problems;
}

/** Without authentication there is one owner, and no limit of an owner's that nobody has set. */
export function toLimits(
  variables: LimitVariables,
  { hasOwners }: { readonly hasOwners: boolean },
) {
  const perOwner = (value: number | undefined, otherwise: number) =>
    value ?? (hasOwners ? otherwise : null);
  return {
    document: {
      tokens: variables.DOCUMENT_TOKENS,
      depth: variables.DOCUMENT_DEPTH,
      aliases: variables.DOCUMENT_ALIASES,
      directives: variables.DOCUMENT_DIRECTIVES,
      cost: variables.DOCUMENT_COST,
    },
    answerBytes: variables.ANSWER_MIB * 1_048_576,
    unreadBytes: variables.UNREAD_MIB * 1_048_576,
    http: {
      bodyBytes: variables.BODY_KIB * 1_024,
      headersBytes: variables.HEADERS_KIB * 1_024,
      headersSeconds: variables.HEADERS_TIMEOUT_SECONDS,
      requestSeconds: variables.REQUEST_TIMEOUT_SECONDS,
      idleSeconds: variables.IDLE_TIMEOUT_SECONDS,
      connections: variables.MAX_CONNECTIONS,
    },
    webSocket: {
      initSeconds: variables.SOCKET_INIT_SECONDS,
      messageBytes: variables.SOCKET_MESSAGE_KIB * 1_024,
      operationsPerSocket: variables.OPERATIONS_PER_SOCKET,
      sockets: variables.MAX_SOCKETS,
      subscriptions: variables.MAX_SUBSCRIPTIONS,
      unreadBytes: variables.SOCKET_UNREAD_KIB * 1_024,
    },
    owner: {
      requestsPerSecond: perOwner(variables.REQUESTS_PER_SECOND, 1_000),
      submitsPerMinute: perOwner(variables.SUBMITS_PER_MINUTE, 1_000),
      jobsInFlight: perOwner(variables.JOBS_IN_FLIGHT, 10_000),
      jobsPerDay: perOwner(variables.JOBS_PER_DAY, 100_000),
      sockets: perOwner(variables.SOCKETS_PER_OWNER, 500),
      subscriptions: perOwner(variables.SUBSCRIPTIONS_PER_OWNER, 10_000),
    },
  };
}
