import { isObject, type JsonObject } from "./json";

export const LANGUAGES = ["curl", "TypeScript", "GraphQL"] as const;
export type Language = (typeof LANGUAGES)[number];

export type Submit = {
  readonly url: string;
  readonly deploymentId: string;
  readonly input: JsonObject;
  readonly idempotencyKey: string;
  /** Whether the gateway lets everybody in. */
  readonly isOpen: boolean;
};

/** A submit as somebody else would write it. */
export function toCode(language: Language, submit: Submit): string {
  switch (language) {
    case "curl":
      return toCurl(submit);
    case "TypeScript":
      return toTypeScript(submit);
    case "GraphQL":
      return toGraphQL(submit);
  }
}

const OPERATION = `mutation ($deploymentId: ID!, $input: JSON!, $key: String) {
  submitJob(deploymentId: $deploymentId, input: $input, idempotencyKey: $key) {
    ... on SubmitJobSuccess { job { id status } }
    ... on InvalidInputError { issues { path message } }
    ... on Error { message }
  }
}`;

function toCurl({ url, isOpen, ...submit }: Submit): string {
  const query = OPERATION.replaceAll(/\s+/g, " ");
  const body = JSON.stringify({ query, variables: toVariables(submit) }, null, 2);
  return [
    `curl ${url}`,
    "-H 'content-type: application/json'",
    ...(isOpen ? [] : ['-H "authorization: Bearer $API_KEY"']),
    `-d '${body.replaceAll("'", String.raw`'\''`)}'`,
  ].join(" \\\n  ");
}

function toTypeScript({ url, isOpen, ...submit }: Submit): string {
  const headers = isOpen
    ? '{ "content-type": "application/json" }'
    : '{ "content-type": "application/json", authorization: `Bearer ${apiKey}` }';
  const variables = JSON.stringify(toVariables(submit), null, 2);
  return `const query = \`${OPERATION}\`;
const variables = ${variables};

const response = await fetch("${url}", {
  method: "POST",
  headers: ${headers},
  body: JSON.stringify({ query, variables }),
});
const { data, errors } = await response.json();
console.log(errors ?? data.submitJob);`;
}

function toGraphQL({ deploymentId, input, idempotencyKey }: Submit): string {
  const literal = toLiteral(input, "    ");
  if (literal === null) {
    const variables = toVariables({ deploymentId, input, idempotencyKey });
    const lines = JSON.stringify(variables, null, 2).split("\n");
    // A comment, as GraphQL has no word for some of its names.
    return `${OPERATION}\n\n# Variables:\n${lines.map((line) => `# ${line}`).join("\n")}`;
  }
  return `mutation {
  submitJob(
    deploymentId: ${JSON.stringify(deploymentId)}
    input: ${literal}
    idempotencyKey: ${JSON.stringify(idempotencyKey)}
  ) {
    ... on SubmitJobSuccess { job { id status } }
    ... on InvalidInputError { issues { path message } }
    ... on Error { message }
  }
}`;
}

function toVariables({
  deploymentId,
  input,
  idempotencyKey,
}: Pick<Submit, "deploymentId" | "input" | "idempotencyKey">) {
  return { deploymentId, input, key: idempotencyKey };
}

/** A JSON value in GraphQL's spelling; null where a name can't be spelled so. */
function toLiteral(value: unknown, indent: string): string | null {
  if (Array.isArray(value)) {
    const items = value.map((item) => toLiteral(item, indent));
    return items.includes(null) ? null : `[${items.join(", ")}]`;
  }
  if (!isObject(value)) return JSON.stringify(value);
  const inner = `${indent}  `;
  const members = Object.entries(value).map(([name, member]) => {
    const literal = /^[A-Za-z_]\w*$/.test(name) ? toLiteral(member, inner) : null;
    return literal === null ? null : `${inner}${name}: ${literal}`;
  });
  if (members.includes(null)) return null;
  return members.length === 0 ? "{}" : `{\n${members.join("\n")}\n${indent}}`;
}
