import { expect, test } from "vitest";

import { createApiKeysFile } from "../auth/api-keys-file.ts";
import { connect } from "../server/open-socket.ts";
import { start } from "./open-gateway.ts";

const OUTPUT = { images: ["https://a.runcomfy.net/1.png"] };
const JOB = `job { id status error { code message } hold { reason } }`;

/** A gateway with keys, before an upstream whose jobs wait in its queue until they are finished. */
async function startWithKeys() {
  const keys = await createApiKeysFile();
  const scopes = "jobs:submit,jobs:cancel,jobs:read,jobs:approve";
  const agent = await keys.create("web", "--approval", "always", "--scopes", scopes);
  const person = await keys.create("web", "--scopes", scopes);
  const gateway = await start({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
  const { upstream, answer, url } = gateway;
  upstream.script("d", ["in_queue"]);

  /** A mutation's only result. */
  async function change(field: string, key: string) {
    const name = `${field.charAt(0).toUpperCase()}${field.slice(1, field.indexOf("("))}`;
    const success = `${name.replace(/Jobs$/, "Job")}Success`;
    const query = `mutation { result: ${field} { __typename ... on ${success} { ${JOB} } ${name.endsWith("Jobs") ? `... on JobNotHeldError { ${JOB} }` : ""} ... on Error { message } } }`;
    const { data, errors } = Object(await answer(query, {}, key));
    return { result: [data?.result].flat()[0], errors };
  }

  return {
    ...{ agent, person, upstream, change },

    async submit(queue: string, key: string) {
      const field = `submitJob(deploymentId: "d", input: { prompt: "p" }, ${queue})`;
      return (await change(field, key)).result.job;
    },

    /** The statuses of a job as they come, over a WebSocket. */
    watch(id: string, key: string) {
      const connectionParams = { authorization: `Bearer ${key}` };
      const client = connect(`${url}/graphql`, { connectionParams });
      const query = `subscription { jobUpdated(id: "${id}") { status hold { reason } } }`;
      const jobs = client.iterate<{ readonly jobUpdated: { readonly status: string } }>({ query });
      return async (): Promise<string | null> => {
        const next = await jobs.next();
        return next.done === true ? null : (next.value.data?.jobUpdated.status ?? "");
      };
    },
  };
}

test("a job that is held is answered at once, and is watched from HELD over its release to its end", async () => {
  const { person, upstream, change, submit, watch } = await startWithKeys();
  const { id, status, hold } = await submit("queue: { hold: true }", person);
  expect({ status, hold }).toEqual({ status: "HELD", hold: { reason: "BY_HAND" } });
  const next = watch(id, person);
  expect(await next()).toBe("HELD");
  expect(upstream.count("submit")).toBe(0);

  const answerSubmits = upstream.hold("submit");
  expect((await change(`releaseJobs(ids: ["${id}"])`, person)).result).toMatchObject({
    __typename: "ReleaseJobSuccess",
  });
  const seen = new Set<string | null>();
  const until = async (wanted: string | null): Promise<void> => {
    for (let last: string | null = ""; last !== wanted;) seen.add((last = await next()));
  };
  await until("SUBMITTING");
  answerSubmits();
  await until("IN_QUEUE");
  await upstream.whenRequested("status", 1);
  const poll = upstream.requests.find(({ call }) => call === "status");
  upstream.finish(poll?.requestId ?? "", { output: OUTPUT });
  await until(null);
  expect([...seen]).toEqual(["HELD", "SUBMITTING", "IN_QUEUE", "SUCCEEDED", null]);
  expect(upstream.count("submit")).toBe(1);
});

test("what a key that needs approval submits is sent once another key approves it, and not by its own", async () => {
  const { agent, person, upstream, change, submit, watch } = await startWithKeys();
  const { id, hold } = await submit("tags: []", agent);
  expect(hold).toEqual({ reason: "APPROVAL" });
  const approval = `approveJobs(ids: ["${id}"])`;
  const own = await change(approval, agent);
  expect(own).toMatchObject({
    result: null,
    errors: [{ path: ["result", 0], extensions: { code: "FORBIDDEN" } }],
  });
  expect(upstream.count("submit")).toBe(0);
  const next = watch(id, agent);
  expect(await next()).toBe("HELD");
  expect((await change(approval, person)).result).toMatchObject({ job: { status: "HELD" } });
  while ((await next()) !== "IN_QUEUE");
  expect(upstream.count("submit")).toBe(1);
  expect((await change(approval, person)).result).toMatchObject({
    __typename: "JobNotHeldError",
    job: { id, status: "IN_QUEUE" },
  });
});

test("a refused job ends with the reason for who watches it, and a cancelled one at once, and neither is sent", async () => {
  const { agent, person, upstream, change, submit, watch } = await startWithKeys();
  const refused = await submit("queue: {}", agent);
  const next = watch(refused.id, agent);
  expect(await next()).toBe("HELD");
  const refusal = await change(`refuseJobs(ids: ["${refused.id}"], reason: "too large")`, person);
  expect(refusal.result.job).toMatchObject({
    status: "FAILED",
    error: { code: "NOT_APPROVED", message: expect.stringContaining("too large") },
  });
  expect([await next(), await next()]).toEqual(["FAILED", null]);

  const cancelled = await submit("queue: {}", agent);
  expect((await change(`cancelJob(id: "${cancelled.id}")`, agent)).result).toMatchObject({
    __typename: "CancelJobSuccess",
    job: { status: "CANCELLED", hold: null },
  });
  expect(upstream.count("submit")).toBe(0);
});
