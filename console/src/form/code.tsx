import { useState } from "react";

import type { JsonObject } from "../model/json";
import { Copy } from "../ui/copy";

type Submit = {
  readonly deploymentId: string;
  readonly input: JsonObject;
  readonly idempotencyKey: string;
  /** Whether the gateway lets everybody in. */
  readonly isPublic: boolean;
};

/** Exactly what the button would send, in a language of choice, to go on from here in a program. */
export function Code({ isPublic, deploymentId, input, idempotencyKey: key }: Submit) {
  const [language, setLanguage] = useState("curl");
  const url = `${location.origin}/graphql`;
  const variables = { deploymentId, input, key };
  const json = JSON.stringify(variables, null, 2);
  const texts: Readonly<Record<string, string>> = {
    curl: toCurl(url, variables, isPublic),
    TypeScript: toTypeScript(url, json, isPublic),
    GraphQL: OPERATION,
    "GraphQL variables": json,
  };
  const text = texts[language] ?? "";
  return (
    <>
      <div className="row">
        <select
          aria-label="Language"
          value={language}
          onChange={({ target }) => setLanguage(target.value)}
        >
          {Object.keys(texts).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <Copy key={language} text={text} name="the code" />
      </div>
      <pre tabIndex={0} aria-label={language}>
        {text}
      </pre>
      <p className="hint">
        The key makes it one job however often it is sent, also by the button above. For another job
        take another key.
      </p>
    </>
  );
}

const OPERATION = `mutation ($deploymentId: ID!, $input: JSON!, $key: String) {
  submitJob(deploymentId: $deploymentId, input: $input, idempotencyKey: $key) {
    ... on SubmitJobSuccess { job { id status } }
    ... on InvalidInputError { issues { path message } }
    ... on Error { message }
  }
}`;

function toCurl(url: string, variables: object, isPublic: boolean): string {
  const query = OPERATION.replaceAll(/\s+/g, " ");
  const body = JSON.stringify({ query, variables }, null, 2);
  return [
    `curl ${url}`,
    "-H 'content-type: application/json'",
    ...(isPublic ? [] : ['-H "authorization: Bearer $API_KEY"']),
    `-d '${body.replaceAll("'", String.raw`'\''`)}'`,
  ].join(" \\\n  ");
}

function toTypeScript(url: string, variables: string, isPublic: boolean): string {
  const authorization = isPublic ? "" : ", authorization: `Bearer ${apiKey}`";
  return `const query = \`${OPERATION}\`;
const variables = ${variables};

const response = await fetch("${url}", {
  method: "POST",
  headers: { "content-type": "application/json"${authorization} },
  body: JSON.stringify({ query, variables }),
});
const { data, errors } = await response.json();
console.log(errors ?? data.submitJob);`;
}
