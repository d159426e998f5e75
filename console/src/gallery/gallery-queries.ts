import type { TypedDocument } from "runcomfy-graphql-client";

import type * as gql from "../gql";
import { JOB_ROW } from "../session/queries.ts";

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

/** One's own, the most used first. */
export const TAGS: TypedDocument<gql.TagsQuery, gql.TagsQueryVariables> = /* GraphQL */ `
  query Tags {
    tags(first: 50) {
      tag
    }
  }
`;

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
