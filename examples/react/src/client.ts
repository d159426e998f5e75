import { createClient } from "graphql-ws";
import {
  cacheExchange,
  Client,
  type CombinedError,
  fetchExchange,
  subscriptionExchange,
} from "urql";

const url: string = import.meta.env.VITE_GATEWAY ?? "http://127.0.0.1:4000/graphql";

/** A submit may take a little over 20 s; what takes longer is lost. */
const TIMEOUT_MS = 30_000;

const wait = (retries: number) => Math.min(2 ** retries, 15) * 1000 * (0.5 + Math.random());

const socket = createClient({
  url: url.replace("http", "ws"),
  retryAttempts: Infinity,
  shouldRetry: () => true, // also when a connection is refused, as in a restart
  retryWait: (retries) => new Promise((done) => setTimeout(done, wait(retries))),
  // Nothing else tells that a socket is closed, as the client goes on trying.
  on: { closed: (event) => tell(explain(event)), connected: () => tell("") },
});

export const client = new Client({
  url,
  preferGetMethod: false,
  fetch: (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }),
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({
          unsubscribe: socket.subscribe({ query: query ?? "", variables }, sink),
        }),
      }),
    }),
  ],
});

let problem = "";
const listeners = new Set<() => void>();

/** What to tell people of the socket; empty while nothing is wrong with it. */
export const connection = {
  problem: () => problem,
  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

function tell(next: string) {
  problem = next;
  for (const listener of listeners) listener();
}

function explain(event: unknown): string {
  const { code, reason } = event instanceof CloseEvent ? event : { code: 0, reason: "" };
  if (code === 1000) return ""; // Nothing is watched any more.
  if (code === 4401 || code === 4403) return "Log in again.";
  return code === 4005 ? reason : "The connection is down; trying again."; // 4005: connectionParams threw.
}

/** What to tell people of a call that failed. */
export function describe({ networkError, graphQLErrors }: CombinedError): string {
  if (networkError) return "No answer came. Check your connection, then try again.";
  return graphQLErrors.map(({ message }) => message).join(" ");
}
