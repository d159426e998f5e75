import type { GraphiQLOptions } from "graphql-yoga";

/** GraphiQL's settings, with a tab for each thing that a newcomer wants to try, in the order of trying them. */
export function createGraphiql(exampleDeploymentId: string | null): GraphiQLOptions {
  const jobId = { id: "job_…" };
  const submission = {
    deploymentId: exampleDeploymentId ?? "the id that RunComfy's dashboard shows",
    input: EXAMPLE_INPUT,
  };
  return {
    title: "RunComfy GraphQL",
    subscriptionsProtocol: "WS",
    defaultTabs: [
      { query: DEPLOYMENTS },
      { query: SUBMIT, variables: JSON.stringify(submission, null, 2) },
      { query: WATCH, variables: JSON.stringify(jobId, null, 2) },
      { query: JOBS },
      { query: CANCEL, variables: JSON.stringify(jobId, null, 2) },
    ],
  };
}

/** Makes what renders GraphiQL's page, once: it brings all its scripts along, nine megabytes of them. */
export function createGraphiqlRenderer(): (options: GraphiQLOptions) => Promise<string> {
  let page: Promise<string> | null = null;
  return (options) => {
    page ??= import("@graphql-yoga/render-graphiql").then(({ renderGraphiQL }) =>
      renderGraphiQL(options).replace("</head>", `${STILL_TABS}</head>`),
    );
    return page;
  };
}

/** A tab that is pressed for the first time would jump away from under the mouse, and the click be lost. */
const STILL_TABS = "<style>.graphiql-tab { transform: none !important }</style>";

/** The body of the vendor's own example. */
const EXAMPLE_INPUT = {
  prompt: "Make the scene feel warmer and more cinematic. Add a subtle orange glow.",
  ctrl_img_1:
    "https://playgrounds-storage-public.runcomfy.net/tools/7063/media-files/usecase1-1-input.webp",
  width: 1_024,
  height: 1_024,
  seed: 42,
};

const DEPLOYMENTS = `# 1. What can be run here
query Deployments {
  deployments {
    id
    name
    inputSchema
  }
}
`;

const SUBMIT = `# 2. Run it: copy the job's id from the answer
mutation Submit($deploymentId: ID!, $input: JSON!) {
  submitJob(deploymentId: $deploymentId, input: $input) {
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

const WATCH = `# 3. Watch it: put the job's id into the variables below
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

const CANCEL = `# 5. Cancel one that still waits in the queue: put its id into the variables below
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
