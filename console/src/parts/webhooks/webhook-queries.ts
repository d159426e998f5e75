import type { TypedDocument } from "runcomfy-graphql-client";

import type * as gql from "../../gql";

export const WEBHOOKS: TypedDocument<gql.WebhooksQuery, gql.WebhooksQueryVariables> =
  /* GraphQL */ `
    query Webhooks {
      webhooks {
        id
        url
        events
        deploymentId
        tag
        failingSince
        disabledAt
        disabledReason
      }
    }
  `;

export const DELIVERIES: TypedDocument<gql.DeliveriesQuery, gql.DeliveriesQueryVariables> =
  /* GraphQL */ `
    query Deliveries($id: ID!, $first: Int!, $after: ID) {
      webhook(id: $id) {
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
  `;

export const CREATE: TypedDocument<gql.CreateWebhookMutation, gql.CreateWebhookMutationVariables> =
  /* GraphQL */ `
    mutation CreateWebhook($url: URL!, $events: [WebhookEvent!], $filter: WebhookFilter) {
      result: createWebhook(url: $url, events: $events, filter: $filter) {
        __typename
        ... on CreateWebhookSuccess {
          secret
        }
        ... on InvalidWebhookError {
          message
          issues {
            path
            message
          }
        }
      }
    }
  `;

/** Leaves what is not given. */
export const UPDATE: TypedDocument<gql.UpdateWebhookMutation, gql.UpdateWebhookMutationVariables> =
  /* GraphQL */ `
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
        ... on Error {
          message
        }
        ... on InvalidWebhookError {
          issues {
            path
            message
          }
        }
      }
    }
  `;

export const DELETE: TypedDocument<gql.DeleteWebhookMutation, gql.DeleteWebhookMutationVariables> =
  /* GraphQL */ `
    mutation DeleteWebhook($id: ID!) {
      result: deleteWebhook(id: $id) {
        __typename
        ... on Error {
          message
        }
      }
    }
  `;

export const ROTATE: TypedDocument<gql.RotateSecretMutation, gql.RotateSecretMutationVariables> =
  /* GraphQL */ `
    mutation RotateSecret($id: ID!) {
      result: rotateWebhookSecret(id: $id) {
        __typename
        ... on RotateWebhookSecretSuccess {
          secret
        }
        ... on Error {
          message
        }
      }
    }
  `;

export const SEND_AGAIN: TypedDocument<gql.SendAgainMutation, gql.SendAgainMutationVariables> =
  /* GraphQL */ `
    mutation SendAgain($id: ID!) {
      result: redeliver(deliveryId: $id) {
        __typename
        ... on Error {
          message
        }
      }
    }
  `;
