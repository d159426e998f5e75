import type { GraphiQLOptions } from "graphql-yoga";

/** GraphiQL's settings, with a tab for each thing that a newcomer wants to try, in the order of trying them. */
export function createGraphiql(exampleDeploymentId: string | null): GraphiQLOptions {
  const jobId = { id: "job_…" };
  const deploymentId = exampleDeploymentId ?? "the id that RunComfy's dashboard shows";
  return {
    title: "RunComfy GraphQL",
    subscriptionsProtocol: "WS",
    defaultTabs: [
      { query: DEPLOYMENTS },
      { query: toSubmit(deploymentId) },
      { query: WATCH, variables: JSON.stringify(jobId, null, 2) },
      { query: JOBS },
      { query: CANCEL, variables: JSON.stringify(jobId, null, 2) },
    ],
  };
}

const DEPLOYMENTS = `# 1. What can be run here
query Deployments {
  deployments {
    id
    name
    description
  }
}
`;

/** Has the vendor's example body as it stands; in the variables GraphiQL marks any object of type JSON as wrong. */
const toSubmit = (deploymentId: string) => `# 2. Run it: copy the job's id from the answer
mutation Submit {
  submitJob(
    deploymentId: ${JSON.stringify(deploymentId)}
    input: {
      prompt: "Make the scene feel warmer and more cinematic. Add a subtle orange glow."
      ctrl_img_1: "https://playgrounds-storage-public.runcomfy.net/tools/7063/media-files/usecase1-1-input.webp"
      width: 1024
      height: 1024
      seed: 42
    }
  ) {
    __typename
    ... on SubmitJobSuccess {
      job {
        id
        status
      }
    }
    ... on InvalidInputError {
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

const WATCH = `# 3. Watch it live: paste its id below
subscription Watch($id: ID!) {
  jobUpdated(id: $id) {
    version
    status
    queuePosition
    assets {
      url
      kind
    }
    error {
      code
      message
    }
  }
}
`;

const JOBS = `# 4. What was run, newest first
query Jobs {
  jobs(first: 10) {
    totalCount
    edges {
      node {
        id
        status
        createdAt
        history {
          version
          status
          queuePosition
          at
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`;

const CANCEL = `# 5. Cancel a queued job: paste its id below
mutation Cancel($id: ID!) {
  cancelJob(id: $id) {
    __typename
    ... on CancelJobSuccess {
      job {
        id
        status
      }
    }
    ... on Error {
      message
    }
  }
}
`;
