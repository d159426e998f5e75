import { createServer } from "node:http";

import { handleProtocols } from "graphql-ws";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";
import { z } from "zod";

import { createPeerJobs, JOB_ID, serve } from "./peer-job.ts";

// A program, and no GraphQL server: every request is answered with the same bytes, and every subscription is sent the same
// event and its end. What that costs is Node's own HTTP, its sockets and the client.
const MESSAGE = z.object({ type: z.string(), id: z.string().optional() });
const { query, change } = createPeerJobs();
const answer = JSON.stringify({ data: { job: query.job(null, { id: JOB_ID }) } });
const subscriptions = new Map<WebSocket, string[]>();

const server = createServer((request, response) => {
  if (request.url === "/change") publish();
  request.resume().on("end", () => {
    const headers = { "content-type": "application/json", "content-length": answer.length };
    response.writeHead(200, headers).end(answer);
  });
});

function publish(): void {
  const { id, status, queuePosition, version } = change();
  const jobUpdated = { id, status, queuePosition, version };
  const payload = JSON.stringify({ data: { jobUpdated } });
  for (const [socket, ids] of subscriptions) {
    for (const one of ids) {
      socket.send(`{"id":"${one}","type":"next","payload":${payload}}`);
      socket.send(`{"id":"${one}","type":"complete"}`);
    }
  }
}

new WebSocketServer({ server, handleProtocols }).on("connection", (socket) => {
  const ids: string[] = [];
  subscriptions.set(socket, ids);
  socket.on("close", () => subscriptions.delete(socket));
  socket.on("message", (data: Buffer) => {
    const { type, id = "" } = MESSAGE.parse(JSON.parse(data.toString()));
    if (type === "connection_init") socket.send('{"type":"connection_ack"}');
    else ids.push(id);
  });
});
serve(server);
