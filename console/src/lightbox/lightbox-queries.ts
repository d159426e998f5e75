import type { TypedDocument } from "runcomfy-graphql-client";

import type * as gql from "../gql";
import { JOB_ROW } from "../queries.ts";

/** The jobs right before and after one, wherever in the list it is. */
export const AROUND: TypedDocument<gql.AroundQuery, gql.AroundQueryVariables> = /* GraphQL */ `
  query Around($newer: JobFilter!, $older: JobFilter!, $length: Int!) {
    newer: jobs(filter: $newer, last: $length) {
      edges {
        node {
          ...JobRow
        }
      }
    }
    older: jobs(filter: $older, first: $length) {
      edges {
        node {
          ...JobRow
        }
      }
    }
  }
  ${JOB_ROW}
`;
