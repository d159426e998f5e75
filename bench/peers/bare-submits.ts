import { createServer } from "node:http";
import { json } from "node:stream/consumers";

import ky from "ky";
import { z } from "zod";

import { serve } from "./peer-job.ts";

// A program: what submits a job and keeps nothing.
const BODY = z.object({ variables: z.object({ deploymentId: z.string(), input: z.unknown() }) });
const ANSWER = z.object({ request_id: z.string() });
const upstream = process.env["RUNCOMFY_BASE_URL"] ?? "";
const headers = { authorization: `Bearer ${process.env["RUNCOMFY_API_TOKEN"]}` };

serve(
  createServer(async (request, response) => {
    if (request.url === "/health") return void response.end();
    const { deploymentId, input } = BODY.parse(await json(request)).variables;
    const url = `${upstream}/prod/v1/deployments/${deploymentId}/inference`;
    const { request_id: requestId } = ANSWER.parse(
      await ky.post(url, { json: input, headers }).json(),
    );
    const job = { id: requestId, requestId };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ data: { submitJob: { job } } }));
  }),
);
