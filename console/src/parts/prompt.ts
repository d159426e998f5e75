import type { JobRowFragment } from "../gql/graphql";

/** What a job was asked for, in its own words; empty where its input has no prompt. */
export function promptOf({ input }: Pick<JobRowFragment, "input">): string {
  const prompt =
    typeof input === "object" && input !== null && "prompt" in input ? input.prompt : "";
  return typeof prompt === "string" ? prompt : "";
}
