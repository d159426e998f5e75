import type { TypedDocument } from "runcomfy-graphql-client";

import type * as gql from "../gql";
import { JOB_ROW } from "../session/queries.ts";

/** A job with all that its page shows. */
export const JOB: TypedDocument<gql.JobQuery, gql.JobQueryVariables> = /* GraphQL */ `
  query Job($id: ID!) {
    job(id: $id) {
      ...JobRow
      kind
      requestId
      updatedAt
      output
      cost {
        reason
      }
      history {
        status
        at
      }
      assets {
        path
        keepError
        contentType
        bytes
      }
    }
  }
  ${JOB_ROW}
`;

export const KEEP: TypedDocument<gql.KeepMutation, gql.KeepMutationVariables> = /* GraphQL */ `
  mutation Keep($id: ID!) {
    result: keepOutputs(jobId: $id) {
      __typename
      ... on KeepOutputsSuccess {
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
