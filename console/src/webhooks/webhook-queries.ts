import { graphql } from "../gql/index";

graphql(`
  fragment WebhookFacts on Webhook {
    id
    url
    events
    deploymentId
    tag
    failingSince
    disabledAt
    disabledReason
  }
`);

/** Why nothing was changed. */
graphql(`
  fragment Refusal on Error {
    message
    ... on InvalidWebhookError {
      issues {
        path
        message
      }
    }
  }
`);

export const WEBHOOKS = graphql(`
  query Webhooks {
    webhooks {
      ...WebhookFacts
    }
  }
`);

export const DELIVERIES = graphql(`
  query Deliveries($id: ID!, $first: Int!, $after: ID) {
    webhook(id: $id) {
      ...WebhookFacts
      deliveries(first: $first, after: $after) {
        id
        event
        jobId
        state
        createdAt
        nextTryAt
        tries {
          at
          status
          failure
          durationMs
        }
      }
    }
  }
`);

export const CREATE = graphql(`
  mutation CreateWebhook($url: URL!, $events: [WebhookEvent!], $filter: WebhookFilter) {
    result: createWebhook(url: $url, events: $events, filter: $filter) {
      __typename
      ... on CreateWebhookSuccess {
        secret
        webhook {
          id
        }
      }
      ...Refusal
    }
  }
`);

/** Leaves what is not given. */
export const UPDATE = graphql(`
  mutation UpdateWebhook(
    $id: ID!
    $url: URL
    $events: [WebhookEvent!]
    $filter: WebhookFilter
    $isEnabled: Boolean
  ) {
    result: updateWebhook(
      id: $id
      url: $url
      events: $events
      filter: $filter
      isEnabled: $isEnabled
    ) {
      __typename
      ... on UpdateWebhookSuccess {
        webhook {
          ...WebhookFacts
        }
      }
      ...Refusal
    }
  }
`);

export const DELETE = graphql(`
  mutation DeleteWebhook($id: ID!) {
    result: deleteWebhook(id: $id) {
      __typename
      ...Refusal
    }
  }
`);

export const ROTATE = graphql(`
  mutation RotateSecret($id: ID!) {
    result: rotateWebhookSecret(id: $id) {
      __typename
      ... on RotateWebhookSecretSuccess {
        secret
      }
      ...Refusal
    }
  }
`);

export const SEND_AGAIN = graphql(`
  mutation SendAgain($id: ID!) {
    result: redeliver(deliveryId: $id) {
      __typename
      ... on RedeliverSuccess {
        delivery {
          id
          state
          nextTryAt
        }
      }
      ...Refusal
    }
  }
`);
