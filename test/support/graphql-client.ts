import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";

import type { JobFieldsFragment, JobStatus } from "./gql/operations.ts";
import { JobsDocument, SubmitJobDocument } from "./gql/operations.ts";

/** Runs an operation over HTTP at a gateway's origin. */
export async function request<Data, Variables extends object>(
  origin: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  return await ask(origin, print(document), { variables });
}

/** The same for a document as text; its data is trusted to be what it asks for. */
export async function ask(
  origin: string,
  query: string,
  { variables = {}, headers = {} }: { readonly variables?: object; readonly headers?: object } = {},
) {
  const response = await fetch(`${origin}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", ...headers },
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

/** How many jobs of these statuses there are, of all by default. */
export async function countJobs(origin: string, status: readonly JobStatus[] | null = null) {
  const { jobs } = await request(origin, JobsDocument, { first: 0, filter: { status } });
  return jobs.totalCount;
}
