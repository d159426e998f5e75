import { graphql } from "../gql/index";

/** A submit that tells all that decides about its key. */
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
