import { number, setting, wholeNumber } from "./rules.ts";

const MANY = 1_000_000_000;

/** What one operation may ask for. */
export const ANSWER_VARIABLES = {
  DOCUMENT_TOKENS: setting(
    wholeNumber(100, 20_000),
    "5000",
    "The most tokens of a document, with its fragments written out. More: `DOCUMENT_TOO_LARGE`.",
  ),
  DOCUMENT_COST: setting(
    wholeNumber(100, MANY),
    "15000",
    "The most that an operation may cost: 1 for each field (input 10, output 20, a history or its assets up to 50), and a page of 100 jobs counts 100 times. More: `DOCUMENT_TOO_COSTLY`.",
  ),
  ANSWER_MIB: setting(
    wholeNumber(1, 1_024),
    "32",
    "The most MiB of inputs and outputs in one answer, or in one event of a stream; more is `ANSWER_TOO_LARGE`.",
  ),
  UNREAD_MIB: setting(
    wholeNumber(4, 65_536),
    "512",
    "How many MiB may wait in memory, in all, for clients to read them or to send them in full; at least four times `ANSWER_MIB`, because an owner may have a quarter. An answer over 16 KiB waits up to 10 s for room, and is then `RATE_LIMITED`; of what finds no room otherwise, the connection that holds most is closed.",
  ),
};

/** What requests over HTTP may take. */
export const REQUEST_VARIABLES = {
  BODY_KIB: setting(wholeNumber(1, 65_536), "256", "The largest body. Larger: HTTP 413."),
  HEADERS_KIB: setting(wholeNumber(4, 1_024), "16", "The largest headers. Larger: HTTP 431."),
  HEADERS_TIMEOUT_SECONDS: setting(
    number(0.1, 600),
    "10",
    "How long headers may take to arrive; at most `REQUEST_TIMEOUT_SECONDS`. Longer: HTTP 408.",
  ),
  REQUEST_TIMEOUT_SECONDS: setting(
    number(0.1, 600),
    "20",
    "How long a whole request may take to arrive. Longer: HTTP 408.",
  ),
  IDLE_TIMEOUT_SECONDS: setting(
    number(0.1, 600),
    "20",
    "How long a connection may be silent between two requests. Longer: it is closed.",
  ),
  MAX_CONNECTIONS: setting(
    wholeNumber(1, 1_000_000),
    "20000",
    "The most connections, sockets included. Further ones are closed.",
  ),
};

/** What WebSockets may take, and whatever else streams. */
export const SOCKET_VARIABLES = {
  SOCKET_INIT_SECONDS: setting(
    number(0.1, 600),
    "10",
    "How long a client may take to send `connection_init`. Longer: the socket closes with 4408.",
  ),
  SOCKET_MESSAGE_KIB: setting(
    wholeNumber(1, 65_536),
    "256",
    "The largest message, and at most 64 KiB before `connection_init`. Larger: the socket closes with 1009.",
  ),
  OPERATIONS_PER_SOCKET: setting(
    wholeNumber(1, 100_000),
    "500",
    "The most operations at once on one socket. More: `TOO_MANY_OPERATIONS`.",
  ),
  MAX_SOCKETS: setting(
    wholeNumber(1, 1_000_000),
    "20000",
    "The most sockets that are let in. Further ones get HTTP 503, or close with 1013.",
  ),
  MAX_SUBSCRIPTIONS: setting(
    wholeNumber(1, 10_000_000),
    "50000",
    "The most subscriptions. More: `QUOTA_EXCEEDED`.",
  ),
};

/** What each owner may do whose key says nothing else. */
export const OWNER_VARIABLES = {
  REQUESTS_PER_SECOND: setting(
    wholeNumber(1, MANY),
    "1000",
    "Requests over HTTP, and operations on sockets. More: HTTP 429 or the operation's error `RATE_LIMITED`, with `retryAfterSeconds`.",
  ),
  SUBMITS_PER_MINUTE: setting(
    wholeNumber(1, MANY),
    "1000",
    "Submits. More: `RATE_LIMITED` with `retryAfterSeconds`.",
  ),
  JOBS_IN_FLIGHT: setting(
    wholeNumber(1, MANY),
    "10000",
    "Jobs that have not ended. More: `QUOTA_EXCEEDED` with `retryAfterSeconds`.",
  ),
  JOBS_PER_DAY: setting(
    wholeNumber(1, MANY),
    "100000",
    "Jobs a day. More: `QUOTA_EXCEEDED` with `retryAfterSeconds`.",
  ),
  SOCKETS_PER_OWNER: setting(
    wholeNumber(1, MANY),
    "500",
    "Open sockets. A further one closes with 1013.",
  ),
  SUBSCRIPTIONS_PER_OWNER: setting(
    wholeNumber(1, MANY),
    "10000",
    "Subscriptions at once. More: `QUOTA_EXCEEDED`.",
  ),
};
