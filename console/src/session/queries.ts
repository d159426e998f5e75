import { JOB_FIELDS, type TypedDocument } from "runcomfy-graphql-client";

import type * as gql from "../gql";

/** A job as lists show it. */
export const JOB_ROW = /* GraphQL */ `
  fragment JobRow on Job {
    ...JobFields
    sentAt
    queueSeconds
    runSeconds
    cost {
      source
      usd
      minUsd
      maxUsd
    }
    assets {
      keep
    }
  }
  ${JOB_FIELDS}
`;

/** Of all jobs, once each has changed; it begins with a reset. */
export const LIVE: TypedDocument<gql.LiveSubscription, gql.LiveSubscriptionVariables> =
  /* GraphQL */ `
    subscription Live($after: String!) {
      jobsUpdated(after: $after) {
        job {
          ...JobRow
        }
      }
    }
    ${JOB_ROW}
  `;

export const WATCH: TypedDocument<gql.WatchSubscription, gql.WatchSubscriptionVariables> =
  /* GraphQL */ `
    subscription Watch($id: ID!) {
      jobUpdated(id: $id) {
        ...JobRow
        estimate {
          startsAt
          finishesAt
          progress
          isColdStart
        }
      }
    }
    ${JOB_ROW}
  `;

export const JOBS: TypedDocument<gql.JobsQuery, gql.JobsQueryVariables> = /* GraphQL */ `
  query Jobs($filter: JobFilter, $first: Int, $last: Int, $after: String) {
    jobs(filter: $filter, first: $first, last: $last, after: $after) {
      totalCount
      searchedTo
      edges {
        cursor
        node {
          ...JobRow
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
  ${JOB_ROW}
`;

/** One of them. */
export const LISTED_JOB: TypedDocument<gql.ListedJobQuery, gql.ListedJobQueryVariables> =
  /* GraphQL */ `
    query ListedJob($id: ID!) {
      job(id: $id) {
        ...JobRow
      }
    }
    ${JOB_ROW}
  `;

export const STATS = /* GraphQL */ `
  fragment Stats on DeploymentStats {
    runs
    succeeded
    failed
    cancelled
    queueSeconds {
      p50
      p90
    }
    runSeconds {
      p50
      p90
    }
    coldStartSeconds {
      p50
      p90
    }
  }
`;

export const DEPLOYMENTS: TypedDocument<gql.DeploymentsQuery, gql.DeploymentsQueryVariables> =
  /* GraphQL */ `
    query Deployments {
      isTokenRefused
      deployments {
        id
        kind
        name
        description
        model
        price {
          amount
          unit
          note
        }
        inputSchema
        stats {
          ...Stats
        }
      }
    }
    ${STATS}
  `;

export const VIEWER: TypedDocument<gql.ViewerQuery, gql.ViewerQueryVariables> = /* GraphQL */ `
  query Viewer {
    viewer {
      id
      scopes
      parts
    }
  }
`;

/** What every screen shows of the gateway: outages, of RunComfy or of single deployments, what deployments are called, and which are paused. */
export const FRAME: TypedDocument<gql.FrameQuery, gql.FrameQueryVariables> = /* GraphQL */ `
  query Frame {
    isTokenRefused
    outage {
      since
    }
    deployments {
      id
      name
      outage {
        since
      }
      paused {
        reason
        since
      }
    }
  }
`;

/** What a deployment's input may hold; of a deployment that is not listed, nothing. */
export const INPUT_SCHEMA: TypedDocument<
  gql.JobInputSchemaQuery,
  gql.JobInputSchemaQueryVariables
> = /* GraphQL */ `
  query JobInputSchema($deploymentId: ID!) {
    deployment(id: $deploymentId) {
      id
      inputSchema
    }
  }
`;

/** One's own, the most used first. */
export const TAGS: TypedDocument<gql.TagsQuery, gql.TagsQueryVariables> = /* GraphQL */ `
  query Tags {
    tags(first: 50) {
      tag
    }
  }
`;

/** A file that went into a job of the viewer's. */
export const UPLOAD: TypedDocument<gql.UploadQuery, gql.UploadQueryVariables> = /* GraphQL */ `
  query Upload($id: ID!) {
    upload(id: $id) {
      id
      fileName
      url
      thumbnailUrl(width: 320)
    }
  }
`;
