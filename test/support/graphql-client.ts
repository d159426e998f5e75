import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";

import type { JobFieldsFragment } from "./gql/operations.ts";
import { SubmitJobDocument } from "./gql/operations.ts";

/** What GraphQL answers. */
type Answer<Data> = {
  readonly data?: Data | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: { readonly code?: string };
  }[];
};

/** Runs an operation over HTTP at a gateway's origin. */
export async function request<Data, Variables>(
  origin: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const { data, errors } = await post(origin, document, variables);
  if (!data || errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** The same for a document as text; its data is trusted to be what it asks for. */
export async function ask(
  origin: string,
  query: string,
  { variables = {}, headers = {} }: { readonly variables?: object; readonly headers?: object } = {},
) {
  const response = await fetch(`${origin}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

/** Whether a gateway at this origin still takes connections. */
export async function isServing(origin: string): Promise<boolean> {
  const response = await fetch(`${origin}/health`).catch(() => null);
  return response?.ok === true;
}

/** Submits a job that has to be accepted. */
export async function submit(
  origin: string,
  deploymentId: string,
  prompt: string,
  idempotencyKey?: string,
): Promise<JobFieldsFragment> {
  const variables = { deploymentId, input: { prompt }, idempotencyKey: idempotencyKey ?? null };
  const { submitJob } = await request(origin, SubmitJobDocument, variables);
  if (submitJob.__typename !== "SubmitJobSuccess") throw new Error(JSON.stringify(submitJob));
  return submitJob.job;
}

async function post<Data, Variables>(
  origin: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Answer<Data>> {
  const response = await fetch(`${origin}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ query: print(document), variables }),
  });
  return parse(await response.text());
}

/** JSON, trusted to be what the generated types say. */
function parse<T>(text: string): Answer<T> {
  return JSON.parse(text);
}
