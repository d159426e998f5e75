import type { TypedDocument } from "runcomfy-graphql-client";

import type * as gql from "../gql";
import { JOB_ROW } from "../session/queries.ts";

/** Why a job waits here. */
export const WAITS = /* GraphQL */ `
  fragment Waits on Hold {
    reason
    since
    until
    ahead
    priority
  }
`;

export const CANCEL_MANY: TypedDocument<gql.CancelManyMutation, gql.CancelManyMutationVariables> =
  /* GraphQL */ `
    mutation CancelMany($ids: [ID!]!) {
      cancelJobs(ids: $ids) {
        __typename
        ... on CancelJobSuccess {
          job {
            ...JobRow
          }
        }
        ... on Error {
          message
        }
      }
    }
    ${JOB_ROW}
  `;

export const RELEASE_MANY: TypedDocument<
  gql.ReleaseManyMutation,
  gql.ReleaseManyMutationVariables
> = /* GraphQL */ `
  mutation ReleaseMany($ids: [ID!]!) {
    releaseJobs(ids: $ids) {
      __typename
      ... on Error {
        message
      }
    }
  }
`;

export const HOLD_MANY: TypedDocument<gql.HoldManyMutation, gql.HoldManyMutationVariables> =
  /* GraphQL */ `
    mutation HoldMany($ids: [ID!]!) {
      holdJobs(ids: $ids) {
        __typename
        ... on Error {
          message
        }
      }
    }
  `;

export const PRIORITIZE_MANY: TypedDocument<
  gql.PrioritizeManyMutation,
  gql.PrioritizeManyMutationVariables
> = /* GraphQL */ `
  mutation PrioritizeMany($ids: [ID!]!, $priority: Int!) {
    prioritizeJobs(ids: $ids, priority: $priority) {
      __typename
      ... on Error {
        message
      }
    }
  }
`;

export const HOLD: TypedDocument<gql.JobHoldQuery, gql.JobHoldQueryVariables> = /* GraphQL */ `
  query JobHold($id: ID!) {
    job(id: $id) {
      id
      hold {
        ...Waits
      }
    }
  }
  ${WAITS}
`;

export const DELETE_MANY: TypedDocument<gql.DeleteManyMutation, gql.DeleteManyMutationVariables> =
  /* GraphQL */ `
    mutation DeleteMany($ids: [ID!]!) {
      deleteJobs(ids: $ids) {
        __typename
        ... on Error {
          message
        }
      }
    }
  `;

export const RUN_AGAIN: TypedDocument<gql.RunAgainMutation, gql.RunAgainMutationVariables> =
  /* GraphQL */ `
    mutation RunAgain($id: ID!, $key: String!) {
      rerunJob(id: $id, idempotencyKey: $key) {
        __typename
        ... on SubmitJobSuccess {
          job {
            id
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
        }
        ... on Error {
          message
        }
      }
    }
  `;

/** What comes of each deployment, as far as that is known. */
export const OUTPUTS: TypedDocument<gql.OutputsQuery, gql.OutputsQueryVariables> = /* GraphQL */ `
  query Outputs {
    deployments {
      id
      outputSchema
    }
  }
`;

export const CANCEL_MATCHING: TypedDocument<
  gql.CancelMatchingMutation,
  gql.CancelMatchingMutationVariables
> = /* GraphQL */ `
  mutation CancelMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {
    progress: cancelMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {
      done
      failed
      hasMore
      cursor
    }
  }
`;

export const DELETE_MATCHING: TypedDocument<
  gql.DeleteMatchingMutation,
  gql.DeleteMatchingMutationVariables
> = /* GraphQL */ `
  mutation DeleteMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {
    progress: deleteMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {
      done
      failed
      hasMore
      cursor
    }
  }
`;

export const EDIT_MANY: TypedDocument<gql.EditManyMutation, gql.EditManyMutationVariables> =
  /* GraphQL */ `
    mutation EditMany(
      $ids: [ID!]!
      $addTags: [String!]
      $removeTags: [String!]
      $isStarred: Boolean
    ) {
      editJobs(ids: $ids, addTags: $addTags, removeTags: $removeTags, isStarred: $isStarred) {
        __typename
        ... on EditJobSuccess {
          job {
            ...JobRow
          }
        }
        ... on InvalidLabelsError {
          issues {
            message
          }
        }
        ... on Error {
          message
        }
      }
    }
    ${JOB_ROW}
  `;
