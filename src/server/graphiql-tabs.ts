import type { Deployment, ObjectShape } from "../deployments/catalogue.ts";

/** Stands for a job's id in the tabs that need one, until the page puts a real one in its place. */
export const SHOWN_ID = "job_newest";

/**
 * A tab of GraphiQL for each thing a newcomer wants to try, in that order. `example` is the deployment that they submit
 * to; null when none is known. They ask the sandbox to be slow, so that there is something to watch and to cancel.
 */
export function createTabs(options: {
  readonly example: Deployment | null;
  readonly isSandbox: boolean;
}): { query: string; variables?: string }[] {
  const { example, isSandbox } = options;
  const prompt = isSandbox ? `[slow] ${EXAMPLE_INPUT.prompt}` : EXAMPLE_INPUT.prompt;
  const variables = JSON.stringify({ id: SHOWN_ID }, null, 2);
  return [
    { query: DEPLOYMENTS },
    { query: toSubmit(toCall(example, { ...EXAMPLE_INPUT, prompt })) },
    { query: WATCH, variables },
    { query: WATCH_ALL },
    { query: JOBS },
    { query: CANCEL, variables },
  ];
}

type Input = Readonly<Record<string, string | number>>;

/** The vendor's example body, in the upstream's names. */
const EXAMPLE_INPUT = {
  prompt: "Make the scene feel warmer and more cinematic. Add a subtle orange glow.",
  ctrl_img_1:
    "https://playgrounds-storage-public.runcomfy.net/tools/7063/media-files/usecase1-1-input.webp",
  width: 1_024,
  height: 1_024,
  seed: 42,
} satisfies Input;

/** The deployment's own mutation where there is one, as GraphiQL then completes its fields. */
function toCall(example: Deployment | null, input: Input): string {
  const contract = example?.input;
  if (contract?.shape)
    return `${contract.submitField}(\n    ${toInputText(toFields(contract.shape, input))}\n  )`;
  const deploymentId = JSON.stringify(example?.id ?? "…");
  // Not as a variable: GraphiQL marks any object of type JSON there as wrong.
  return `submitJob(
    deploymentId: ${deploymentId} # tab 1 and RunComfy's dashboard show the ids
    ${toInputText(Object.entries(input))}
  )`;
}

function toFields({ fields }: ObjectShape, input: Input): [string, string | number][] {
  const names = new Map(fields.map(({ name, graphqlName }) => [name, graphqlName]));
  return Object.entries(input).flatMap(([name, value]) => {
    const graphqlName = names.get(name);
    return graphqlName === undefined ? [] : [[graphqlName, value]];
  });
}

function toInputText(fields: readonly (readonly [string, string | number])[]): string {
  const lines = fields.map(([name, value]) => `      ${name}: ${JSON.stringify(value)}`);
  return `input: {\n${lines.join("\n")}\n    }`;
}

const DEPLOYMENTS = `# 1. What can be run here
query Deployments {
  deployments { id name description submitField }
}
`;

const toSubmit = (call: string) => `# 2. Run it: the answer has the job's id
mutation Submit {
  ${call} {
    __typename
    ... on SubmitJobSuccess {
      job { id status }
      warnings { path message }
    }
    ... on InvalidInputError {
      issues { path message }
    }
    ... on Error { message }
  }
}
`;

const WATCH = `# 3. Watch your newest job live, or paste an id
subscription Watch($id: ID!) {
  jobUpdated(id: $id) {
    id
    version
    status
    queuePosition
    estimate {
      startsAt finishesAt
      finishesBy progress
    }
    assets { url kind }
    error { code message }
  }
}
`;

const WATCH_ALL = `# 4. Watch every job: a reset, then each change
subscription WatchAll {
  jobsUpdated(after: "") {
    cursor
    reset
    job { id status queuePosition }
  }
}
`;

const JOBS = `# 5. What was run, newest first
query Jobs {
  jobs(first: 10) {
    totalCount
    edges {
      node { id status createdAt history { status at } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`;

const CANCEL = `# 6. Cancel your newest job while it is queued
mutation Cancel($id: ID!) {
  cancelJob(id: $id) {
    __typename
    ... on CancelJobSuccess {
      job { id status }
    }
    ... on Error { message }
  }
}
`;
