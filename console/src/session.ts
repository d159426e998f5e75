import { cacheExchange } from "@urql/exchange-graphcache";
import { createClient } from "graphql-ws";
import { Client, type CombinedError, fetchExchange, subscriptionExchange } from "urql";

import type { LiveSubscription } from "./gql/graphql";
import { createStore } from "./store";

/** A submit may take a little over 20 s; what takes longer is lost. */
const TIMEOUT_MS = 30_000;

/** Whether the one socket is open, or since when it is not; `refused` until another credential is given. */
export type Connection =
  | { readonly kind: "connected" }
  | { readonly kind: "away"; readonly since: number }
  | { readonly kind: "refused"; readonly reason: string };

export type Session = ReturnType<typeof openSession>;

/** All that is asked for under one credential, over HTTP and one socket, and all that came back. */
export function openSession(credential: string) {
  const connection = createStore<Connection>({ kind: "away", since: Date.now() });
  const authorization = credential === "" ? undefined : `Bearer ${credential}`;
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const wait = (retries: number) => Math.min(2 ** retries, 15) * 1_000 * (0.5 + Math.random());

  const socket = createClient({
    url: `${location.origin.replace("http", "ws")}/graphql`,
    lazy: true,
    connectionParams: () => headers,
    retryAttempts: Infinity,
    shouldRetry: (event) => !isRefusal(event),
    retryWait: (retries) => new Promise((done) => setTimeout(done, wait(retries))),
    on: {
      connected: () => connection.set({ kind: "connected" }),
      closed(event) {
        if (isRefusal(event)) return connection.set({ kind: "refused", reason: event.reason });
        if (connection.get().kind !== "away") connection.set({ kind: "away", since: Date.now() });
      },
    },
  });

  const client = new Client({
    url: "/graphql",
    preferGetMethod: false,
    fetchOptions: { headers },
    fetch: (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }),
    requestPolicy: "cache-and-network",
    exchanges: [
      cacheExchange({
        possibleTypes: {
          Error: [
            "InvalidInputError",
            "InvalidUploadError",
            "DeploymentNotFoundError",
            "IdempotencyConflictError",
            "JobNotFoundError",
            "JobNotCancellableError",
            "JobNotFinishedError",
            "UpstreamError",
          ],
          Node: ["Job", "Deployment"],
        },
        // What has no id belongs to whoever names it.
        keys: {
          Asset: () => null,
          Durations: () => null,
          DeploymentStats: () => null,
          InputCheck: () => null,
          InputField: () => null,
          InputIssue: () => null,
          InputWarning: () => null,
          JobChange: () => null,
          JobError: () => null,
          JobEstimate: () => null,
          JobEvent: () => null,
          LiveDeployment: () => null,
          Outage: () => null,
          Upload: () => null,
        },
        updates: {
          Subscription: {
            // Graphcache never lets go of what nothing ever pointed to. The next job heard of takes this one's place,
            // and what no list or page points to goes.
            jobsUpdated({ jobsUpdated: { job } }: LiveSubscription, _, cache) {
              if (job) cache.link("Query", "lastHeard", { __typename: "Job", id: job.id });
            },
          },
        },
      }),
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

  return {
    client,
    connection,
  };
}

/** A credential that is missing, wrong, or has run out. */
function isRefusal(event: unknown): event is CloseEvent {
  return event instanceof CloseEvent && (event.code === 4401 || event.code === 4403);
}

/** What to tell people of a call that failed. */
export function explain({ networkError, graphQLErrors }: CombinedError): string {
  if (networkError) return "No answer came. Check your connection, then try again.";
  return graphQLErrors.map(({ message }) => message).join(" ");
}
