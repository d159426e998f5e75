import { pipeline } from "node:stream/promises";
import { request } from "node:http";

import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";

import { sleepFor } from "../../src/runtime/loop.ts";
import { openSocket, whenClosed } from "../support/raw-socket.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import { readHeldPorts } from "./held-connections.ts";

const COUNT = 100;
const ORIGIN = "https://gateway.example.com";
const CREATE = `mutation ($bytes: SafeInt!) {
  createUpload(fileName: "noise.png", contentType: "image/png", bytes: $bytes) {
    ... on CreateUploadSuccess { upload { id putUrl } }
  }
}`;

test(
  "100 uploads at once take little memory, and others are served",
  { timeout: 60_000 },
  async () => {
    const gateway = await startAttackedGateway({ PUBLIC_URL: ORIGIN });
    onTestFinished(() => gateway.end());
    const file = await drawNoise();
    expect(file.length).toBeGreaterThan(4_000_000);
    const uploads = await Promise.all(
      Array.from({ length: COUNT }, () => openUpload(gateway.url, file.length)),
    );
    const before = await gateway.readHeldMib();
    const measured = new AbortController();
    let waiting = 0;
    async function* waitBeforeLast() {
      let sent = file.length - 60;
      yield file.subarray(0, sent);
      waiting += 1;
      // A byte a second, as silence would end the upload.
      for (; !measured.signal.aborted; sent++) {
        yield file.subarray(sent, sent + 1);
        await sleepFor(1_000, measured.signal);
      }
      yield file.subarray(sent);
    }
    const answers = Promise.all(
      uploads.map(({ putUrl }) =>
        put(putUrl.replace(ORIGIN, gateway.url), file.length, waitBeforeLast()),
      ),
    );
    await expect.poll(() => waiting, { timeout: 30_000 }).toBe(COUNT);
    await gateway.expectUnharmed();
    // Together they have brought 400 MiB and more, of which each holds what waits for the disk.
    await gateway.expectHeldBelow(before + 60);
    measured.abort();
    expect(new Set(await answers)).toEqual(new Set([204]));
  },
);

test(
  "readers of a file that never read take little memory, are cut, and hold nobody up",
  { timeout: 120_000 },
  async () => {
    const gateway = await startAttackedGateway({ PUBLIC_URL: ORIGIN });
    onTestFinished(() => gateway.end());
    // More than what the kernel holds for a reader.
    const file = await drawNoise(2_800);
    const { id, putUrl } = await openUpload(gateway.url, file.length);
    expect(await put(putUrl.replace(ORIGIN, gateway.url), file.length, [file])).toBe(204);
    const submit = `mutation { submitJob(deploymentId: "d", input: { a: "upload:${id}" }) { __typename } }`;
    await post(gateway.url, submit);
    const { a: url } = JSON.parse(gateway.upstream.requests.at(-1)?.body ?? "");
    const { pathname, search } = new URL(url);
    const before = await gateway.readHeldMib();
    const sockets = await Promise.all(
      Array.from({ length: 300 }, async () => (await openSocket(gateway.port)).pause()),
    );
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    for (const socket of sockets)
      socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await gateway.expectUnharmed();
    const response = await fetch(`${gateway.url}${pathname}${search}`);
    expect((await response.arrayBuffer()).byteLength).toBe(file.length);
    // The gateway cuts who reads nothing for half a minute; only who reads again learns of it.
    function countHeld(): number {
      const held = readHeldPorts(gateway.port);
      return sockets.filter(({ localPort }) => held.has(localPort ?? 0)).length;
    }
    expect(countHeld()).toBe(300);
    await gateway.expectHeldBelow(before + 100);
    await expect.poll(countHeld, { timeout: 60_000, interval: 500 }).toBe(0);
    for (const socket of sockets) {
      await whenClosed(socket);
      expect(socket.bytesRead).toBeGreaterThan(0);
      expect(socket.bytesRead).toBeLessThan(file.length);
    }
  },
);

async function post(url: string, query: string, variables: object = {}) {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()).data;
}

async function openUpload(url: string, bytes: number) {
  return (await post(url, CREATE, { bytes })).createUpload.upload;
}

async function drawNoise(side = 1_200): Promise<Buffer> {
  const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
  const create = { width: side, height: side, channels: 3, background: "red", noise } as const;
  return await sharp({ create }).png().toBuffer();
}

/** The status of the answer to a PUT. */
async function put(
  url: string,
  length: number,
  body: Iterable<Buffer> | AsyncIterable<Buffer>,
): Promise<number | undefined> {
  const sending = request(url, { method: "PUT", headers: { "content-length": length } });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    sending.once("response", (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sending.once("error", reject);
  });
  await pipeline(body, sending);
  return await answered;
}
