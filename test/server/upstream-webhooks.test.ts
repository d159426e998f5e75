import { expect, test } from "vitest";

import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import { createSignedUrls } from "../../src/engine/files/signed-urls.ts";
import { NO_FILES } from "../support/no-files.ts";
import { exchange, openSocket, toStatuses } from "../support/raw-socket.ts";
import { keepLog, serve } from "./serve.ts";

const JOB = "job_0123456789abcdef";
const PUBLIC = "https://gateway.example.com";
const FAR = Math.floor(Date.now() / 1_000) + 3_600;

/** A server, what it takes, and what it reports of it. */
async function start() {
  const taken: string[] = [];
  const reported: string[] = [];
  const channels = createChannels();
  channels.upstreamWebhooks.subscribe((what) => void reported.push(what));
  const urls = createSignedUrls({ key: "key", publicUrl: () => PUBLIC });
  const { log, lines } = keepLog();
  const server = await serve({
    files: { ...NO_FILES, urls, publicUrl: PUBLIC },
    upstreamWebhooks: { take: (jobId) => void taken.push(jobId) },
    ...{ channels, log },
  });
  const toPath = (expires = FAR, folder: "upstream-webhooks" | "files" = "upstream-webhooks") => {
    const { pathname, search } = new URL(urls.create({ folder, name: JOB, width: null }, expires));
    return pathname + search;
  };
  const send = async (path: string, method = "POST", body = "{}") =>
    (await fetch(server.url + path, { method, ...(method === "POST" && { body }) })).status;
  return { ...server, taken, reported, lines, toPath, send };
}

test("a call with the gateway's signature is taken, whatever it says, and others are not found", async () => {
  const { taken, reported, lines, toPath, send } = await start();
  for (const body of ["{}", "", "nonsense", "x".repeat(300_000)])
    expect(await send(toPath(), "POST", body)).toBe(204);
  expect(taken).toEqual([JOB, JOB, JOB, JOB]);
  const path = toPath();
  const forged = [
    path.replace(/.$/, (last) => (last === "A" ? "B" : "A")),
    path.replace("job_0", "job_1"),
    path.replace(/expires=\d+/, `expires=${FAR + 1}`),
    path.replace(/&signature=.*/, ""),
    `/upstream-webhooks/${JOB}`,
    toPath(1),
    toPath(FAR, "files").replace("/files/", "/upstream-webhooks/"),
    `/upstream-webhooks/..%2f${JOB}`,
  ];
  for (const one of forged) expect(await send(one), one).toBe(404);
  for (const method of ["GET", "PUT", "DELETE"]) expect(await send(path, method)).toBe(404);
  expect(taken).toHaveLength(4);
  expect(reported).toEqual(Array.from({ length: forged.length + 3 }, () => "refused"));
  expect(lines.join()).not.toContain("upstream-webhooks");
});

test("a signature of one thing leads to nothing else", async () => {
  const { send, toPath, taken } = await start();
  expect(await send(toPath().replace("/upstream-webhooks/", "/files/"), "GET")).toBe(404);
  expect(await send(toPath().replace("/upstream-webhooks/", "/uploads/"), "PUT")).toBe(404);
  expect(taken).toEqual([]);
});

test("a call is answered before its body comes, however long that is said to be", async () => {
  const { port, taken, toPath } = await start();
  const begin = (headers: string) =>
    `POST ${toPath()} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${headers}\r\n\r\n`;
  const isAnswered = (text: string): boolean => text.includes("\r\n\r\n");
  for (const headers of [
    "content-length: 100",
    "content-length: 10000000000",
    "transfer-encoding: chunked",
    "content-length: 100\r\nexpect: 100-continue",
  ])
    expect(toStatuses((await exchange(port, begin(headers), isAnswered)).text)).toEqual([204]);
  expect(taken).toHaveLength(4);
  // What is sent all the same is dropped, up to 16 MiB, and then the connection.
  const socket = await openSocket(port);
  socket.write(begin("transfer-encoding: chunked"));
  const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
  const sending = setInterval(() => socket.write(chunk.repeat(16)), 1);
  await new Promise((resolve) => void socket.resume().once("close", resolve));
  clearInterval(sending);
  expect(socket.bytesWritten).toBeGreaterThan(1_000_000);
});

test("if everybody is admitted, the public name leads to signed URLs alone", async () => {
  const { port, taken, toPath } = await start();
  const ask = async (line: string) => {
    const head = `${line} HTTP/1.1\r\nhost: gateway.example.com\r\nconnection: close\r\n`;
    return toStatuses((await exchange(port, `${head}content-length: 0\r\n\r\n`)).text);
  };
  expect(await ask(`POST ${toPath()}`)).toEqual([204]);
  expect(await ask(`POST /upstream-webhooks/${JOB}`)).toEqual([404]);
  expect(await ask("POST /graphql")).toEqual([421]);
  expect(await ask("GET /upstream-webhooks")).toEqual([421]);
  expect(taken).toEqual([JOB]);
});
