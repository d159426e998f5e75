import type { TypedDocument } from "runcomfy-graphql-client";

import type * as gql from "../../gql";

export const DOWNLOAD: TypedDocument<gql.DownloadMutation, gql.DownloadMutationVariables> =
  /* GraphQL */ `
    mutation Download($ids: [ID!]!) {
      result: createDownload(ids: $ids) {
        __typename
        ... on CreateDownloadSuccess {
          download {
            url
            files
          }
        }
        ... on Error {
          message
        }
      }
    }
  `;
