import type * as gql from "./gql.ts";
import { JOB_FIELDS } from "./job-fields.ts";

/** GraphQL with the types of its data and variables: a string, or what graphql-codegen makes with `documentMode: "string"`. */
export type TypedDocument<Data, Variables> = {
  toString(): string;
  /** A parsed document has one, and is not taken. */
  readonly kind?: never;
  readonly __apiType?: (variables: Variables) => Data;
  /** Its `hash` names it to a gateway with trusted documents. */
  readonly __meta__?: Readonly<Record<string, unknown>> | undefined;
};

/** The data of a document's only field. */
export type FieldOf<Data> = Data[Exclude<keyof Data, "__typename">];

export function fieldOf<Data extends object>(data: Data): FieldOf<Data> {
  // Codegen may have added `__typename`, which comes first then.
  return Object.entries(data).find(([name]) => name !== "__typename")?.[1];
}

/** What is sent, over HTTP and the socket alike. */
export function toPayload<Variables>(
  document: TypedDocument<unknown, Variables>,
  variables: Variables,
) {
  const hash = document.__meta__?.["hash"];
  const extensions = hash ? { persistedQuery: { sha256Hash: hash } } : undefined;
  return { query: String(document), variables, extensions };
}

type Submit = TypedDocument<gql.SubmitJobMutation, gql.SubmitJobMutationVariables>;
type Cancel = TypedDocument<gql.CancelJobMutation, gql.CancelJobMutationVariables>;

export const JOB_UPDATED: TypedDocument<
  gql.JobUpdatedSubscription,
  gql.JobUpdatedSubscriptionVariables
> = /* GraphQL */ `
  subscription JobUpdated($id: ID!) {
    jobUpdated(id: $id) {
      ...JobFields
      output
      estimate {
        startsAt
        finishesAt
        finishesBy
        progress
        isColdStart
      }
    }
  }
  ${JOB_FIELDS}
`;

export const JOBS: TypedDocument<gql.JobsQuery, gql.JobsQueryVariables> = /* GraphQL */ `
  query Jobs($filter: JobFilter, $first: Int!, $after: String) {
    jobs(filter: $filter, first: $first, after: $after) {
      totalCount
      searchedTo
      edges {
        cursor
        node {
          ...JobFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
  ${JOB_FIELDS}
`;

export const JOBS_UPDATED: TypedDocument<
  gql.JobsUpdatedSubscription,
  gql.JobsUpdatedSubscriptionVariables
> = /* GraphQL */ `
  subscription JobsUpdated($filter: JobFilter, $after: String) {
    jobsUpdated(filter: $filter, after: $after) {
      cursor
      job {
        ...JobFields
      }
    }
  }
  ${JOB_FIELDS}
`;

export const SUBMIT_JOB: Submit = /* GraphQL */ `
  mutation SubmitJob(
    $deploymentId: ID!
    $input: JSON!
    $key: String!
    $tags: [String!]
    $queue: QueueInput
  ) {
    submitJob(
      deploymentId: $deploymentId
      input: $input
      tags: $tags
      queue: $queue
      idempotencyKey: $key
    ) {
      __typename
      ... on SubmitJobSuccess {
        job {
          ...JobFields
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
        code
        retryable
        retryAfterSeconds
        unconfirmedJob {
          id
        }
      }
      ... on Error {
        message
      }
    }
  }
  ${JOB_FIELDS}
`;

export const CANCEL_JOB: Cancel = /* GraphQL */ `
  mutation CancelJob($id: ID!) {
    cancelJob(id: $id) {
      __typename
      ... on Error {
        message
      }
    }
  }
`;

export const CREATE_UPLOAD: TypedDocument<
  gql.CreateUploadMutation,
  gql.CreateUploadMutationVariables
> = /* GraphQL */ `
  mutation CreateUpload($fileName: String!, $contentType: String!, $bytes: SafeInt!) {
    createUpload(fileName: $fileName, contentType: $contentType, bytes: $bytes) {
      __typename
      ... on CreateUploadSuccess {
        upload {
          id
          putUrl
        }
      }
      ... on InvalidUploadError {
        issues {
          path
          message
        }
      }
      ... on Error {
        message
      }
    }
  }
`;

/** All that the client sends by itself: a gateway with trusted documents trusts these too. */
export const DOCUMENTS: readonly string[] = /* @__PURE__ */ [
  JOB_UPDATED,
  JOBS,
  JOBS_UPDATED,
  SUBMIT_JOB,
  CANCEL_JOB,
  CREATE_UPLOAD,
].map(String);
