import { graphql } from "../gql/index";

/** What a deployment's input may hold; of a deployment that is not listed, nothing. */
export const INPUT_SCHEMA = graphql(`
  query JobInputSchema($deploymentId: ID!) {
    deployment(id: $deploymentId) {
      id
      inputSchema
    }
  }
`);

export const CANCEL_MANY = graphql(`
  mutation CancelMany($ids: [ID!]!) {
    cancelJobs(ids: $ids) {
      __typename
      ... on CancelJobSuccess {
        job {
          id
          version
          status
          queuePosition
          isCancellable
          isFinished
          isPaused
          finishedAt
        }
      }
      ... on Error {
        message
      }
    }
  }
`);

export const DELETE_MANY = graphql(`
  mutation DeleteMany($ids: [ID!]!) {
    deleteJobs(ids: $ids) {
      __typename
      ... on Error {
        message
      }
    }
  }
`);

export const RUN_AGAIN = graphql(`
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
`);

export const CANCEL_MATCHING = graphql(`
  mutation CancelMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {
    progress: cancelMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {
      done
      failed
      hasMore
      cursor
    }
  }
`);

export const DELETE_MATCHING = graphql(`
  mutation DeleteMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {
    progress: deleteMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {
      done
      failed
      hasMore
      cursor
    }
  }
`);
