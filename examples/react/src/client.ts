import { createClient } from "graphql-ws";
import {
  cacheExchange,
  Client,
  type CombinedError,
  fetchExchange,
  subscriptionExchange,
} from "urql";

const url: string = import.meta.env.VITE_GATEWAY ?? "http://127.0.0.1:4000/graphql";

/** The gateway answers within 10 s or a little more; what takes longer is lost. */
const TIMEOUT_MS = 30_000;

const wait = (retries: number) => Math.min(2 ** retries, 15) * 1000 * (0.5 + Math.random());

const socket = createClient({
  url: url.replace("http", "ws"),
  retryAttempts: Infinity,
  shouldRetry: () => true, // also when a connection is refused, as in a restart
  retryWait: (retries) => new Promise((done) => setTimeout(done, wait(retries))),
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

/** What to tell people of a call that failed. */
export function describe({ networkError, graphQLErrors }: CombinedError): string {
  if (networkError) return "No answer came. Check your connection, then try again.";
  return graphQLErrors.map(({ message }) => message).join(" ");
}
