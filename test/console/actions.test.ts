import { createServer } from "node:http";

import { Client, fetchExchange } from "urql";
import { expect, test } from "vitest";

import { RUN_THEM_AGAIN } from "../../console/src/jobs/actions";
import { listen } from "../support/listen";

test("why a job can't run again is told in sentences, of which each ends once", async () => {
  const issues = [
    { path: "promt", message: "is not known here; did you mean prompt?" },
    { path: "", message: "needs at least one of ctrl_img or ctrl_img_1" },
  ];
  const rerunJob = { __typename: "InvalidInputError", message: "Correct them.", issues };
  const server = createServer((_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ data: { rerunJob } }));
  });
  const { origin } = await listen(server);
  const client = new Client({
    url: `${origin}/graphql`,
    exchanges: [fetchExchange],
    preferGetMethod: false,
  });
  const [outcome] = await RUN_THEM_AGAIN.run({ client, viewerId: "local" }, ["job_1"], () => {});
  expect(outcome?.problem).toBe(
    "Its input no longer fits: promt is not known here; did you mean prompt? needs at least one of ctrl_img or ctrl_img_1.",
  );
});
