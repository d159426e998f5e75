import { randomUUID } from "node:crypto";

import { z } from "zod";

/** As many as a document may have. */
const ALIASES = 30;
const DOCUMENTS_AT_ONCE = 10;
const ANSWER = z.object({
  data: z.record(
    z.string(),
    z.object({ __typename: z.literal("SubmitJobSuccess"), job: z.object({ id: z.string() }) }),
  ),
});

/**
 * Submits so many jobs at each of these gateways, many a request, and returns their ids by their idempotency keys, which
 * are their prompts as well. Rejects when one is not accepted.
 */
export async function submitMany(
  urls: readonly string[],
  deploymentId: string,
  countEach: number,
): Promise<ReadonlyMap<string, string>> {
  const jobIds = new Map<string, string>();

  async function submitAt(url: string): Promise<void> {
    let left = countEach;
    const work = async (): Promise<void> => {
      while (left > 0) {
        const keys = Array.from({ length: Math.min(left, ALIASES) }, () => randomUUID());
        left -= keys.length;
        const submitted = await submitTogether(url, deploymentId, keys);
        for (const [key, jobId] of submitted) jobIds.set(key, jobId);
      }
    };
    await Promise.all(Array.from({ length: DOCUMENTS_AT_ONCE }, work));
  }

  await Promise.all(urls.map(submitAt));
  return jobIds;
}

async function submitTogether(
  url: string,
  deploymentId: string,
  keys: readonly string[],
): Promise<readonly (readonly [string, string])[]> {
  const parts = keys.map(
    (_, index) =>
      `job${index}: submitJob(deploymentId: $deploymentId, input: {prompt: $key${index}}, idempotencyKey: $key${index}) { __typename ... on SubmitJobSuccess { job { id } } }`,
  );
  const types = keys.map((_, index) => `$key${index}: String!`).join(" ");
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({
      query: `mutation ($deploymentId: ID! ${types}) { ${parts.join("\n")} }`,
      variables: {
        deploymentId,
        ...Object.fromEntries(keys.map((key, index) => [`key${index}`, key])),
      },
    }),
  });
  const { data } = ANSWER.parse(await response.json());
  return keys.map((key, index) => [key, data[`job${index}`]?.job.id ?? ""]);
}
