import { graphql } from "../gql";

/** A submit that tells all that decides about its key. */
// Each error by itself: the cache does not know which types an interface has.
export const RUN = graphql(`
  mutation Run($deploymentId: ID!, $input: JSON!, $key: String!) {
    submitJob(deploymentId: $deploymentId, input: $input, idempotencyKey: $key) {
      __typename
      ... on SubmitJobSuccess {
        job {
          ...JobRow
        }
        warnings {
          path
          message
        }
      }
      ... on InvalidInputError {
        message
        issues {
          path
          message
        }
      }
      ... on UpstreamError {
        message
        retryable
        retryAfterSeconds
        unconfirmedJob {
          ...JobRow
        }
      }
      ... on DeploymentNotFoundError {
        message
      }
      ... on IdempotencyConflictError {
        message
      }
    }
  }
`);

export const RUN_JOB = graphql(`
  query RunJob($id: ID!) {
    job(id: $id) {
      ...JobRow
    }
  }
`);

export const CHECK_INPUT = graphql(`
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
    }
  }
`);
