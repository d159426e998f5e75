import { createServer } from "node:http";

import { serve } from "./peers/peer-job.ts";

// A program: an upstream that knows each job by its request id, which is when it ends in milliseconds since 1970, a "-" and
// a number. It answers after 100 ms.
const ANSWER_MS = 100;
const CALL = /\/requests\/(?<id>(?<endsAt>\d+)-\d+)\//;

const server = createServer((request, response) => {
  const { id, endsAt } = CALL.exec(request.url ?? "")?.groups ?? {};
  setTimeout(() => {
    const status = Date.now() < Number(endsAt) ? "in_progress" : "succeeded";
    const body = JSON.stringify({ request_id: id, status, output: {} });
    response
      .writeHead(200, { "content-type": "application/json", "content-length": body.length })
      .end(body);
  }, ANSWER_MS);
});
serve(server);
