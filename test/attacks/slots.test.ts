import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, onTestFinished, test } from "vitest";

import { runKeyCommand } from "../../src/auth/key-command.ts";
import { ask } from "../support/graphql-client.ts";
import { openSocket } from "../support/raw-socket.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";

const ORIGIN = "https://gateway.example.com";
const MAX_UPLOADS = 200;
const MAX_READERS = 1_000;
const TIMEOUT = { timeout: 120_000 };
const POLL = { timeout: 60_000, interval: 100 };

const folder = mkdtempSync(join(tmpdir(), "runcomfy-graphql-keys-"));
const keys = join(folder, "api-keys.json");
const [greedy, other, author, quiet] = [
  await createKey("greedy"),
  await createKey("other"),
  await createKey("author"),
  await createKey("quiet"),
];
const gateway = await startAttackedGateway({
  AUTH: "api-keys",
  API_KEYS_FILE: keys,
  PUBLIC_URL: ORIGIN,
});
afterAll(async () => {
  await gateway.end();
  rmSync(folder, { recursive: true, force: true });
});

test("owners whose uploads drip keep nobody else from uploading", TIMEOUT, async () => {
  const dripping: Connection[] = [];
  for (let count = 0; count < MAX_UPLOADS; count += 1) {
    const { putUrl } = await createUpload(count % 2 === 0 ? greedy : other, 1_000_000);
    const lines = ["content-length: 1000000", "expect: 100-continue"];
    dripping.push(await begin(`PUT ${toPath(putUrl)}`, lines));
  }
  // The gateway asks for the body of whoever has a slot.
  const countOf = (status: string) => dripping.filter(({ text }) => text().includes(status)).length;
  await expect.poll(() => countOf("100 Continue"), POLL).toBe(MAX_UPLOADS);
  const drip = setInterval(() => dripping.forEach(({ socket }) => socket.write("x")), 500);
  onTestFinished(() => clearInterval(drip));
  await upload(quiet, toSound(1_000));
  await expect.poll(() => countOf("503 Service Unavailable"), POLL).toBe(1);
});

test(
  "readers that read little of a file keep nobody from another owner's file",
  TIMEOUT,
  async () => {
    const large = await submit(author, await upload(author, toSound(20_000_000)));
    const small = await submit(quiet, await upload(quiet, toSound(1_000)));
    const readers = await Promise.all(
      Array.from({ length: MAX_READERS }, async () => {
        const reader = await begin(`GET ${toPath(large)}`, []);
        reader.socket.once("data", () => reader.socket.pause());
        return reader;
      }),
    );
    const countServed = () => readers.filter(({ text }) => text().includes("200 OK")).length;
    await expect.poll(countServed, POLL).toBe(MAX_READERS);
    const response = await fetch(`${gateway.url}${toPath(small)}`);
    expect(response.status).toBe(200);
    expect((await response.arrayBuffer()).byteLength).toBe(1_000);
    expect(gateway.process.stderr()).not.toMatch(/"level":[56]0|could not be/);
  },
);

type Headers = { readonly authorization: string };
type Connection = Awaited<ReturnType<typeof begin>>;

async function createKey(owner: string): Promise<Headers> {
  const { result } = await runKeyCommand(["create", "--owner", owner], {
    file: keys,
    now: new Date(),
  });
  return { authorization: `Bearer ${result}` };
}

async function createUpload(headers: Headers, bytes: number) {
  const create = `mutation { createUpload(fileName: "sound.wav", contentType: "audio/wav", bytes: ${bytes}) {
    ... on CreateUploadSuccess { upload { id putUrl } }
  } }`;
  return (await ask(gateway.url, create, { headers })).createUpload.upload;
}

/** The upload's id. */
async function upload(headers: Headers, file: Uint8Array<ArrayBuffer>): Promise<string> {
  const { id, putUrl } = await createUpload(headers, file.length);
  const url = `${gateway.url}${toPath(putUrl)}`;
  expect((await fetch(url, { method: "PUT", body: file })).status).toBe(204);
  return id;
}

/** The URL of the file that RunComfy gets. */
async function submit(headers: Headers, id: string): Promise<string> {
  const input = `{ a: "upload:${id}" }`;
  const mutation = `mutation { submitJob(deploymentId: "d", input: ${input}) { __typename } }`;
  await ask(gateway.url, mutation, { headers });
  return JSON.parse(gateway.upstream.requests.at(-1)?.body ?? "").a;
}

function toPath(url: string): string {
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

/** Sends the head of a request, and collects what comes back. */
async function begin(line: string, headers: readonly string[]) {
  const socket = await openSocket(gateway.port);
  onTestFinished(() => void socket.destroy());
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1", 0, 1_000)));
  socket.write([`${line} HTTP/1.1`, "host: localhost", ...headers, "", ""].join("\r\n"));
  return { socket, text: () => text };
}

function toSound(bytes: number): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(bytes);
  file.set(new TextEncoder().encode("RIFF\0\0\0\0WAVEfmt "));
  return file;
}
