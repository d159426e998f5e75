import type { TypedDocument } from "runcomfy-graphql-client";

import type * as gql from "../gql";
import { JOB_ROW } from "../session/queries.ts";

/** All that decides about the key of a submit. */
const SUBMITTED = /* GraphQL */ `
  fragment Submitted on SubmitJobResult {
    __typename
    ... on SubmitJobSuccess {
      job {
        ...JobRow
      }
    }
    ... on InvalidInputError {
      issues {
        path
        message
      }
    }
    ... on UpstreamError {
      retryable
      retryAfterSeconds
      unconfirmedJob {
        ...JobRow
      }
    }
    ... on Error {
      message
    }
  }
  ${JOB_ROW}
`;

export const RUN: TypedDocument<gql.RunMutation, gql.RunMutationVariables> = /* GraphQL */ `
  mutation Run($deploymentId: ID!, $input: JSON!, $key: String!, $queue: QueueInput) {
    submitJob(deploymentId: $deploymentId, input: $input, idempotencyKey: $key, queue: $queue) {
      ...Submitted
    }
  }
  ${SUBMITTED}
`;

type Items = readonly (gql.SubmitJobItem & { readonly idempotencyKey: string })[];

export const RUN_MANY: TypedDocument<gql.RunManyMutation, { readonly items: Items }> =
  /* GraphQL */ `
    mutation RunMany($items: [SubmitJobItem!]!) {
      submitJobs(items: $items) {
        ...Submitted
      }
    }
    ${SUBMITTED}
  `;

export const CHECK_INPUT: TypedDocument<gql.CheckInputQuery, gql.CheckInputQueryVariables> =
  /* GraphQL */ `
    query CheckInput($deploymentId: ID!, $input: JSON!) {
      checkInput(deploymentId: $deploymentId, input: $input) {
        issues {
          path
          message
        }
        warnings {
          path
          message
        }
        cost {
          source
          usd
          minUsd
          maxUsd
          reason
        }
      }
    }
  `;
