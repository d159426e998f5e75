import { graphql } from "./gql/index";

graphql(`
  fragment JobRow on Job {
    id
    ownerId
    version
    status
    tags
    queuePosition
    isCancellable
    isFinished
    isPaused
    createdAt
    startedAt
    finishedAt
    queueSeconds
    runSeconds
    input
    error {
      code
      message
      retryable
    }
    deployment {
      id
      name
    }
    assets {
      url
      kind
      keep
      keptUrl
      thumbnailUrl(width: 320)
      width
      height
    }
  }
`);

/** Of all jobs, once each has changed; it begins with a reset. */
export const LIVE = graphql(`
  subscription Live($after: String!) {
    jobsUpdated(after: $after) {
      cursor
      job {
        ...JobRow
      }
    }
  }
`);

export const WATCH = graphql(`
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
`);

export const JOBS = graphql(`
  query Jobs($filter: JobFilter, $first: Int!, $after: String) {
    jobs(filter: $filter, first: $first, after: $after) {
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
`);

/** A job as lists show it. */
export const LISTED_JOB = graphql(`
  query ListedJob($id: ID!) {
    job(id: $id) {
      ...JobRow
    }
  }
`);

/** A job with all that its page shows. */
export const JOB = graphql(`
  query Job($id: ID!) {
    job(id: $id) {
      ...JobRow
      kind
      cost {
        amount
      }
      requestId
      updatedAt
      output
      history {
        status
        at
      }
      assets {
        path
        expiresAt
        keepError
        contentType
        bytes
      }
    }
  }
`);

graphql(`
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
`);

export const DEPLOYMENTS = graphql(`
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
`);

export const DEPLOYMENT_NAMES = graphql(`
  query DeploymentNames {
    deployments {
      id
      name
    }
  }
`);

export const VIEWER = graphql(`
  query Viewer {
    viewer {
      id
      scopes
    }
  }
`);

/** Of RunComfy, and of the deployments that have one of their own. */
export const OUTAGES = graphql(`
  query Outages {
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
    }
  }
`);

export const KEEP = graphql(`
  mutation Keep($id: ID!) {
    keepOutputs(jobId: $id) {
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
`);
