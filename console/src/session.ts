import { cacheExchange } from "@urql/exchange-graphcache";
import { createGatewayClient, type TypedDocument } from "runcomfy-graphql-client";
import {
  Client,
  type CombinedError,
  fetchExchange,
  formatDocument,
  stringifyDocument,
  subscriptionExchange,
  type TypedDocumentNode,
} from "urql";

import type { LiveSubscription } from "./gql/graphql";

/** All that is asked for under one credential, over HTTP and one socket, and all that came back. */
export function openSession(credential: string) {
  const gateway = createGatewayClient({
    url: "/graphql",
    ...(credential !== "" && { authorization: () => `Bearer ${credential}` }),
  });

  const client = new Client({
    url: "/graphql",
    preferGetMethod: false,
    fetch: gateway.fetch,
    requestPolicy: "cache-and-network",
    exchanges: [
      cacheExchange({
        possibleTypes: {
          Error: [
            "InvalidInputError",
            "DeploymentNotFoundError",
            "IdempotencyConflictError",
            "JobNotFoundError",
            "JobNotCancellableError",
            "JobNotFinishedError",
            "UpstreamError",
            "InvalidWebhookError",
            "WebhookNotFoundError",
            "WebhookDisabledError",
          ],
        },
        // What has no id belongs to whoever names it.
        keys: {
          Asset: () => null,
          Cost: () => null,
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
          Price: () => null,
          WebhookTry: () => null,
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
            unsubscribe: gateway.socket.subscribe({ query: query ?? "", variables }, sink),
          }),
        }),
      }),
    ],
  });

  return { gateway, client };
}

/** A document for the gateway's client, past the cache, which lets go of no field of a query. */
export function pastCache<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
): TypedDocument<Data, Variables> {
  // To the letter as the cache would send it: so it is listed for gateways with trusted documents.
  return stringifyDocument(formatDocument(document));
}

/** What to tell people of a call that failed. */
export function explain({ networkError, graphQLErrors }: CombinedError): string {
  if (networkError) return "No answer came. Check your connection, then try again.";
  return graphQLErrors.map(({ message }) => message).join(" ");
}
