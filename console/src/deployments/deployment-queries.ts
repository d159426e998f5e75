import type { TypedDocument } from "runcomfy-graphql-client";

import type * as gql from "../gql";
import { STATS } from "../session/queries.ts";

/** What RunComfy is asked for, so it is asked for what is unfolded only. */
export const LIVE_FACTS: TypedDocument<gql.DeploymentLiveQuery, gql.DeploymentLiveQueryVariables> =
  /* GraphQL */ `
    query DeploymentLive($id: ID!) {
      deployment(id: $id) {
        id
        live {
          hardware
          minInstances
          maxInstances
          queueSize
          keepWarmSeconds
          isEnabled
          status
        }
      }
    }
  `;

/** What changes with each of a deployment's jobs. */
export const LOAD: TypedDocument<gql.DeploymentLoadQuery, gql.DeploymentLoadQueryVariables> =
  /* GraphQL */ `
    query DeploymentLoad($id: ID!) {
      deployment(id: $id) {
        id
        stats {
          ...Stats
        }
      }
      waiting: jobs(filter: { deploymentId: $id, status: [SUBMITTING, IN_QUEUE] }, first: 1) {
        totalCount
      }
      running: jobs(filter: { deploymentId: $id, status: [IN_PROGRESS] }, first: 1) {
        totalCount
      }
    }
    ${STATS}
  `;

export const PAUSE: TypedDocument<gql.PauseMutation, gql.PauseMutationVariables> = /* GraphQL */ `
  mutation Pause($id: ID!, $reason: String!) {
    result: pauseDeployment(id: $id, reason: $reason) {
      __typename
      ... on Error {
        message
      }
    }
  }
`;

export const RESUME: TypedDocument<gql.ResumeMutation, gql.ResumeMutationVariables> =
  /* GraphQL */ `
    mutation Resume($id: ID!) {
      result: resumeDeployment(id: $id) {
        __typename
        ... on Error {
          message
        }
      }
    }
  `;
