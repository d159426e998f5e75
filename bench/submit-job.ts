import { z } from "zod";

import { DEPLOYMENT_ID, INPUT } from "./example-job.ts";

const QUERY = `mutation ($deploymentId: ID!, $input: JSON!) {
  submitJob(deploymentId: $deploymentId, input: $input) { ... on SubmitJobSuccess { job { id requestId } } }
}`;
const ANSWER = z.object({
  data: z.object({
    submitJob: z.object({ job: z.object({ id: z.string(), requestId: z.string() }) }),
  }),
});

/** A body that submits a job. */
export const SUBMIT_BODY = JSON.stringify({
  query: QUERY,
  variables: { deploymentId: DEPLOYMENT_ID, input: INPUT },
});

type Submitted = { readonly id: string; readonly requestId: string };

/** Submits a job to a gateway; throws unless that succeeds. */
export async function submitJob(url: string): Promise<Submitted> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: SUBMIT_BODY,
  });
  return readSubmitted(await response.text());
}

/** The job of an answer; throws unless it was submitted. */
export function readSubmitted(answer: string): Submitted {
  return ANSWER.parse(JSON.parse(answer)).data.submitJob.job;
}
