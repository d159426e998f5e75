import type { Deployment, ObjectShape } from "../../engine/deployments/catalogue.ts";
import { isFinal, JOB_STATUSES } from "../../engine/job/job.ts";

type Example = {
  /** The deployment that the tabs submit to; null when none is known. */
  readonly example: Deployment | null;
  readonly isSandbox: boolean;
};

type Surroundings = {
  /** Whether there is a field for the credential that all tabs send. */
  readonly asksCredential: boolean;
  /** Titles and paths of pages to go back to. */
  readonly pages: readonly (readonly [title: string, path: string])[];
};

/** GraphiQL's page, with all its scripts. */
export async function renderGraphiql(options: Example & Surroundings): Promise<string> {
  const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
  const page = renderGraphiQL({
    title: "RunComfy GraphQL",
    // They may hold a key, which the browser would keep for its next user.
    shouldPersistHeaders: false,
    // Subscriptions too: for a GET a sign-in's cookie doesn't count.
    method: "POST",
    defaultTabs: createTabs(options),
  });
  return adaptPage(page, options);
}

/** GraphiQL's page with what is added here. Throws where the page has a form that is not known. */
export function adaptPage(page: string, { asksCredential, pages }: Surroundings): string {
  const links = pages.map(([title, path]) => `<a href="${path}">← ${title}</a>`);
  const bar = `${links.join("")}${asksCredential ? CREDENTIAL_FIELD : ""}`;
  const additions = [
    ["</head>", `<style>${STILL_TABS}${bar && BAR_STYLES}</style>`],
    ['<div id="root">', bar && `<div id="bar">${bar}</div>`],
    ["YogaGraphiQL.renderYogaGraphiQL(", OWN_SCRIPT],
  ] as const;
  return additions.reduce((adapted, [before, added]) => {
    if (adapted.includes(before)) return adapted.replace(before, () => added + before);
    throw new Error(`GraphiQL's page has no ${before}, so it can't be served. ${NEXT_STEP}`);
  }, page);
}

const NEXT_STEP =
  "Install the version of @graphql-yoga/render-graphiql that package.json names, or adapt src/api/server/graphiql.ts.";

/** Only the field keeps it, so that the browser forgets it with the page. */
const CREDENTIAL_FIELD = `<label id="credential">Credential
  <input type="password" autocomplete="off" placeholder="API key or token, for all tabs" />
</label>`;

const BAR_STYLES = `
  body { margin: 0; display: flex; flex-direction: column; height: 100vh }
  #root { flex: 1; min-height: 0 }
  .graphiql-container { height: 100% }
  #bar { display: flex; flex-wrap: wrap; gap: 4px 24px; align-items: center; padding: 8px 16px; font: 15px system-ui, sans-serif; color: hsl(219 28% 32%); background: hsl(219 28% 92%) }
  #bar a { color: inherit }
  #credential input { width: 24em; max-width: 100%; padding: 4px 8px; font: inherit; border: 1px solid hsl(219 28% 72%); border-radius: 4px }
`;

/** Stands for a job's id in the tabs that need one, until the page puts a real one in its place. */
const SHOWN_ID = "job_newest";

const UNFINISHED = JOB_STATUSES.filter((status) => !isFinal(status)).join(" ");
const NEWEST_JOBS = `{
  unfinished: jobs(first: 1, filter: { status: [${UNFINISHED}] }) { edges { node { id } } }
  all: jobs(first: 1) { edges { node { id } } }
}`;

/**
 * GraphiQL opens the tab that has the query of the address, or else the one that it stored last, and adds a tab if none
 * has it. It stores no query until something is typed, so the page stores that of the tab that was left, and drops empty
 * tabs.
 *
 * All of its requests, event streams among them, go through the page's `fetch`. A tab's own headers win over the
 * credential, and the schema is read again once that is there. A tab that has no job's id yet gets one of the newest job
 * that has not ended, or else of the newest, and shows it.
 */
const OWN_SCRIPT = `
try {
  const kept = JSON.parse(localStorage.getItem("graphiql:tabState"));
  const tabs = kept.tabs.filter(({ query }) => query?.trim());
  const left = kept.tabs[kept.activeTabIndex];
  const asked = new URLSearchParams(location.search).get("query");
  const shown = asked
    ? [left, ...tabs].find(({ query }) => query === asked)
    : tabs.includes(left) ? left : tabs[0];
  const keep = (name, text) => localStorage.setItem("graphiql:" + name, text ?? "");
  keep("tabState", tabs.length > 0 ? JSON.stringify({ ...kept, tabs }) : "");
  keep("query", shown?.query);
  keep("variables", shown?.variables);
} catch {
  // Nothing is kept yet, or the browser keeps nothing.
}
// In Chromium, GraphiQL shows a stack with each mistake in a query otherwise.
delete Error.stackTraceLimit;
const send = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const headers = new Headers(options.headers);
  const credential = document.querySelector("#credential input")?.value.trim().replace(/^bearer +/i, "");
  if (credential && !headers.has("authorization")) headers.set("authorization", "Bearer " + credential);
  if (!options.body?.includes("${SHOWN_ID}")) return send(url, { ...options, headers });
  const answer = await send(location.pathname, {
    method: "POST",
    headers: { ...Object.fromEntries(headers), accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify({ query: ${JSON.stringify(NEWEST_JOBS)} }),
  });
  const { data, errors } = await answer.json();
  const id = [data?.unfinished, data?.all].flatMap((jobs) => jobs?.edges ?? [])[0]?.node.id;
  if (!id) return Response.json({ errors: errors ?? [{ message: "There is no job yet. Run tab 2, Submit, and then this one." }] });
  const shown = __MONACO.editor.getModels().find(({ uri }) => uri.path.endsWith("variables.json"));
  const show = (text) => text.replace("${SHOWN_ID}", id);
  // Another tab may have been opened meanwhile.
  shown?.setValue(show(shown.getValue()));
  return send(url, { ...options, headers, body: show(options.body) });
};
document.querySelector("#credential input")?.addEventListener("change", () => {
  document.querySelector("[aria-label^='Re-fetch GraphQL schema']")?.click();
});
`;

/** A tab pressed for the first time would jump away from under the mouse, and the click would be lost. */
const STILL_TABS = ".graphiql-tab { transform: none !important }";

/**
 * A tab for each thing a newcomer wants to try, in that order. They ask the sandbox to be slow, so that there is something
 * to watch and to cancel.
 */
export function createTabs({
  example,
  isSandbox,
}: Example): { query: string; variables?: string }[] {
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

/** The deployment's own mutation if there is one, because GraphiQL can complete its fields. */
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
