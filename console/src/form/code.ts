import type { JsonObject } from "./json";

export type Submit = {
  readonly url: string;
  readonly deploymentId: string;
  readonly input: JsonObject;
  readonly idempotencyKey: string;
  /** Whether the gateway lets everybody in. */
  readonly isPublic: boolean;
};

/** A submit as somebody else would write it. */
export const LANGUAGES: ReadonlyMap<string, (submit: Submit) => string> = new Map([
  ["curl", toCurl],
  ["TypeScript", toTypeScript],
  ["GraphQL", () => OPERATION],
  ["GraphQL variables", (submit) => JSON.stringify(toVariables(submit), null, 2)],
]);

const OPERATION = `mutation ($deploymentId: ID!, $input: JSON!, $key: String) {
  submitJob(deploymentId: $deploymentId, input: $input, idempotencyKey: $key) {
    ... on SubmitJobSuccess { job { id status } }
    ... on InvalidInputError { issues { path message } }
    ... on Error { message }
  }
}`;

function toCurl(submit: Submit): string {
  const query = OPERATION.replaceAll(/\s+/g, " ");
  const body = JSON.stringify({ query, variables: toVariables(submit) }, null, 2);
  return [
    `curl ${submit.url}`,
    "-H 'content-type: application/json'",
    ...(submit.isPublic ? [] : ['-H "authorization: Bearer $API_KEY"']),
    `-d '${body.replaceAll("'", String.raw`'\''`)}'`,
  ].join(" \\\n  ");
}

function toTypeScript(submit: Submit): string {
  const headers = submit.isPublic
    ? '{ "content-type": "application/json" }'
    : '{ "content-type": "application/json", authorization: `Bearer ${apiKey}` }';
  const variables = JSON.stringify(toVariables(submit), null, 2);
  return `const query = \`${OPERATION}\`;
const variables = ${variables};

const response = await fetch("${submit.url}", {
  method: "POST",
  headers: ${headers},
  body: JSON.stringify({ query, variables }),
});
const { data, errors } = await response.json();
console.log(errors ?? data.submitJob);`;
}

function toVariables({ deploymentId, input, idempotencyKey }: Submit) {
  return { deploymentId, input, key: idempotencyKey };
}
