import { describe, expect, test } from "vitest";

import { createApiKeysFile } from "../../auth/api-keys-file.ts";
import { DATABASES, KINDS, SANDBOX, start } from "../../gateway/open-gateway.ts";
import { signIn } from "../../gateway/signed-in.ts";

/** Costs $0.01, by the price of its entry. */
const FLASH = "blackforestlabs/flux-2/flash/text-to-image";
const JOB =
  "__typename ... on SubmitJobSuccess { job { id status hold { reason } } } ... on Error { message }";
const INPUT = { prompt: "A kite" };
const WAYS = {
  submitJob: `mutation ($id: ID!, $input: JSON!) { one: submitJob(deploymentId: $id, input: $input) { ${JOB} } }`,
  submitJobs: `mutation ($id: ID!, $input: JSON!) { one: submitJobs(items: [{ deploymentId: $id, input: $input }]) { ${JOB} } }`,
  "a typed mutation": `mutation { one: submitFlux2Flash(input: { prompt: "A kite" }) { ${JOB} } }`,
};

/** A gateway of a sandbox, and keys that were created with these words. */
async function open<Name extends string>(
  wanted: Readonly<Record<Name, readonly string[]>>,
  variables: Readonly<Record<string, string>> = {},
) {
  const file = await createApiKeysFile();
  const keys = new Map<string, string>();
  for (const [name, words] of Object.entries<readonly string[]>(wanted))
    keys.set(name, await file.create("anna", ...words));
  const gateway = await start({
    ...{ ...SANDBOX, AUTH: "api-keys", API_KEYS_FILE: file.file, KEEP_OUTPUTS: "false" },
    ...variables,
  });
  const keyOf = (name: Name) => keys.get(name) ?? "";
  async function post(path: string, body: object, headers: object) {
    const response = await fetch(`${gateway.url}/${path}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...headers,
      },
      body: JSON.stringify(body),
    });
    return JSON.parse((await response.text()).replace(/^[^{]*/, ""));
  }
  const ask = async (headers: object, query: string, variables: object = {}) =>
    await post("graphql", { query, variables: { id: FLASH, input: INPUT, ...variables } }, headers);
  return {
    ...{ gateway, keyOf },
    as: (name: Name, query: string, variables?: object) =>
      ask({ authorization: `Bearer ${keyOf(name)}` }, query, variables),
    withCookie: (cookie: string, query: string) => ask({ cookie, origin: gateway.url }, query),
    callTool: (key: Name, name: string, given: object) =>
      post(
        "mcp",
        { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: given } },
        { authorization: `Bearer ${keyOf(key)}`, "mcp-protocol-version": "2025-11-25" },
      ),
  };
}

const HELD = { status: "HELD", hold: { reason: "APPROVAL" } };

test("what a key submits above its price waits for an approval, in a sign-in of it too, and only there", async () => {
  const { gateway, keyOf, as, withCookie } = await open(
    {
      strict: ["--approval-above-usd", "0.009"],
      exact: ["--approval-above-usd", "0.01"],
      approver: ["--scopes", "jobs:read,jobs:approve"],
    },
    { SIGN_IN: "key" },
  );
  const strict = (await as("strict", WAYS.submitJob)).data.one;
  expect(strict).toMatchObject({ job: HELD });
  expect((await as("exact", WAYS.submitJob)).data.one).toMatchObject({ job: { hold: null } });
  const cookie = await signIn(gateway.url, keyOf("strict"));
  expect((await withCookie(cookie, WAYS.submitJob)).data.one).toMatchObject({ job: HELD });

  const rerun = `mutation ($job: ID!) { one: rerunJob(id: $job) { ${JOB} } }`;
  const rerunJob = await as("strict", rerun, { job: strict.job.id });
  expect(rerunJob.data.one).toMatchObject({ job: HELD });
  const approve = `mutation ($job: ID!) { approveJobs(ids: [$job]) { ... on ApproveJobSuccess { job { status } } ... on Error { message } } }`;
  const { data } = await as("approver", approve, { job: strict.job.id });
  expect(data.approveJobs).toMatchObject([
    { job: { status: expect.not.stringMatching("FAILED") } },
  ]);
});

describe.each(KINDS)("on %s", (database) => {
  test("a key's budget holds for every way to submit, and leaves other keys of its owner alone", async () => {
    const { as, callTool } = await open(
      { agent: ["--budget-usd-per-day", "0.035"], web: [] },
      { DATABASE_URL: await DATABASES[database](), BUDGET_UNKNOWN_USD: "0.01" },
    );
    const ways = Object.entries(WAYS);
    for (const [way, query] of ways) {
      const { data } = await as("agent", query);
      expect([data.one].flat(), way).toMatchObject([{ __typename: "SubmitJobSuccess" }]);
    }
    const { data } = await as("web", WAYS.submitJob);
    const { id } = data.one.job;
    const refused = { code: "BUDGET_EXCEEDED" };
    for (const [way, query] of [
      ...ways,
      ["rerunJob", `mutation { one: rerunJob(id: "${id}") { ${JOB} } }`] as const,
    ])
      expect(await as("agent", query), way).toMatchObject({
        errors: [{ message: expect.stringMatching(/key.*\$0\.00.*renews/), extensions: refused }],
      });
    const given = { input: INPUT, new_run: true };
    const { result } = await callTool("agent", "submit_flux2_flash", given);
    expect(result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining("BUDGET_EXCEEDED") }],
    });
    expect((await as("web", WAYS.submitJob)).data.one.__typename).toBe("SubmitJobSuccess");
  });
});
