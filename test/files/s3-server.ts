import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { listen } from "../support/listen.ts";

/** Of s3rver, which checks the key and no signature. */
export const CREDENTIALS = {
  accessKeyId: "S3RVER",
  secretAccessKey: "s3cretS3cret/of+the=key",
  sessionToken: null,
};

const PARAMETERS = [
  "--silent",
  "--address=127.0.0.1",
  "--port=0",
  "--no-vhost-buckets",
  "--configure-bucket",
  "files",
];

/** An S3 server as a process, with the bucket `files`. */
export async function startS3Server(): Promise<{
  readonly endpoint: string;
  close(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "runcomfy-graphql-"));
  const program = fileURLToPath(import.meta.resolve("s3rver/bin/s3rver.js"));
  const server = spawn(
    process.execPath,
    // Its continuation tokens are encrypted with DES.
    ["--openssl-legacy-provider", program, `--directory=${folder}`, ...PARAMETERS],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let printed = "";
  for await (const text of server.stdout.setEncoding("utf8")) {
    printed += text;
    const address = /listening on (\S+:\d+)/.exec(printed)?.[1];
    if (address !== undefined) return { endpoint: `http://${address}`, close };
  }
  throw new Error(`s3rver did not start: ${printed}`);

  async function close(): Promise<void> {
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true });
  }
}

/**
 * A server that answers as a test says, and what the test leaves to it as an empty bucket does. It lives as long as the
 * test.
 */
export async function startBucket(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<{ readonly endpoint: string; readonly requests: readonly IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    if (answer(request, response) === "leave") {
      request.resume();
      const isList = request.url?.includes("list-type=2") === true;
      response.writeHead(200).end(isList ? "<ListBucketResult></ListBucketResult>" : "");
    }
  });
  const { origin } = await listen(server);
  return { endpoint: origin, requests };
}
