import type { TypedDocument } from "runcomfy-graphql-client";

import type * as gql from "../gql";
import { STATS } from "../queries.ts";

/** What RunComfy is asked for, so it is asked for what is on the screen only. */
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

/** The runs that have ended, by the list of jobs: among a deployment's own, waiting ones may fill the page. */
export const RUNS: TypedDocument<gql.DeploymentRunsQuery, gql.DeploymentRunsQueryVariables> =
  /* GraphQL */ `
    query DeploymentRuns($id: ID!, $filter: JobFilter!) {
      deployment(id: $id) {
        id
        stats {
          ...Stats
        }
      }
      jobs(filter: $filter, first: 100) {
        edges {
          node {
            id
            status
            createdAt
            queueSeconds
            runSeconds
          }
        }
      }
    }
    ${STATS}
  `;
