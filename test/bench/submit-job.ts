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

/** Submits a job to a gateway; throws unless that succeeds. */
export async function submitJob(
  url: string,
): Promise<{ readonly id: string; readonly requestId: string }> {
  const variables = { deploymentId: DEPLOYMENT_ID, input: INPUT };
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: QUERY, variables }),
  });
  return ANSWER.parse(await response.json()).data.submitJob.job;
}
