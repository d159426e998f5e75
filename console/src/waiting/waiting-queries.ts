import type { TypedDocument } from "runcomfy-graphql-client";

import { WAITS } from "../actions/action-queries.ts";
import type * as gql from "../gql";
import { JOB_ROW } from "../session/queries.ts";

/** The viewer's own jobs that wait here, in the order in which they go. */
export const HELD: TypedDocument<gql.HeldJobsQuery, gql.HeldJobsQueryVariables> = /* GraphQL */ `
  query HeldJobs($deploymentId: ID) {
    first: heldJobs(first: 1) {
      hold {
        priority
      }
    }
    heldJobs(deploymentId: $deploymentId, first: 100) {
      ...JobRow
      hold {
        ...Waits
      }
    }
  }
  ${JOB_ROW}
  ${WAITS}
`;

/** What somebody has to approve, with what goes into it. */
export const TO_APPROVE: TypedDocument<gql.ToApproveQuery, gql.ToApproveQueryVariables> =
  /* GraphQL */ `
    query ToApprove {
      jobsToApprove(first: 25) {
        id
        ownerId
        createdAt
        input
        deployment {
          id
          name
        }
        cost {
          source
          usd
          minUsd
          maxUsd
        }
        uploads {
          id
          fileName
          url
          thumbnailUrl(width: 320)
        }
      }
    }
  `;

export const TO_APPROVE_IDS: TypedDocument<gql.ToApproveIdsQuery, gql.ToApproveIdsQueryVariables> =
  /* GraphQL */ `
    query ToApproveIds {
      jobsToApprove(first: 100) {
        id
      }
    }
  `;

export const APPROVE: TypedDocument<gql.ApproveMutation, gql.ApproveMutationVariables> =
  /* GraphQL */ `
    mutation Approve($ids: [ID!]!) {
      approveJobs(ids: $ids) {
        __typename
        ... on Error {
          message
        }
      }
    }
  `;

export const REFUSE: TypedDocument<gql.RefuseMutation, gql.RefuseMutationVariables> =
  /* GraphQL */ `
    mutation Refuse($ids: [ID!]!, $reason: String!) {
      refuseJobs(ids: $ids, reason: $reason) {
        __typename
        ... on Error {
          message
        }
      }
    }
  `;
