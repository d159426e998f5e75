import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import type { ChildProgram } from "./child-program.ts";
import { startGatewayProgram, startProgram } from "./child-program.ts";
import type { Figure } from "./figure.ts";
import { compare, median } from "./figure.ts";

const ROUNDS = 3;
const CHUNK = Buffer.alloc(1_048_576, 7);
const CHUNKS = 1_024;
const BYTES = CHUNK.length * CHUNKS;
const ORIGIN = "https://gateway.example.com";
const CREATE = `mutation { createUpload(fileName: "a.wav", contentType: "audio/wav", bytes: ${BYTES}) {
  ... on CreateUploadSuccess { upload { putUrl } }
} }`;

/** What a copy took, and by how much the process that made it grew meanwhile. */
type Taken = { readonly seconds: number; readonly grownMib: number };

/** One GiB through a PUT and from a server of files, each beside a plain stream into a file. */
export async function measureFiles(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  const place = join(folder, "files");
  mkdirSync(place);
  const taken: readonly Taken[][] = [[], [], [], []];
  await using plain = await startProgram("peers/plain-upload.ts", { FOLDER: folder });
  await using gateway = await startGatewayProgram(upstream, {
    DATABASE_URL: ":memory:",
    FILES_URL: `file:${place}`,
    PUBLIC_URL: ORIGIN,
    UPLOAD_MIB: "1024",
  });
  await using source = await serveBytes();
  const copies: readonly (() => Promise<Taken>)[] = [
    () => put(plain, plain.url),
    async () => await put(gateway, await openUpload(gateway.url)),
    () => copy("plain", source.url, folder),
    () => copy("kept", source.url, join(folder, "kept")),
  ];
  // By turns, so that what else the machine does is shared.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, act] of copies.entries()) {
      taken[index]?.push(await act());
      rmSync(join(folder, "kept"), { recursive: true, force: true });
    }
  }
  const toFigures = (what: string, first: number): Figure[] => {
    const pair = [taken[first] ?? [], taken[first + 1] ?? []];
    const names = ["node:stream", "the gateway"];
    const of = (read: (one: Taken) => number) =>
      pair.map((ones, index) => ({ name: names[index] ?? "", value: median(ones.map(read)) }));
    return [
      ...compare(
        `${what}, 1 GiB`,
        "ms",
        of(({ seconds }) => seconds * 1_000),
      ),
      ...compare(
        `${what}, memory grown by`,
        "MiB",
        of(({ grownMib }) => grownMib),
      ),
    ];
  };
  return [...toFigures("a PUT", 0), ...toFigures("an output that is kept", 2)];
}

/** The head of a sound, and then bytes; which ones does not matter. */
function* produce(): Generator<Buffer> {
  const head = Buffer.from(CHUNK);
  head.write("RIFF....WAVEfmt ", "latin1");
  yield head;
  for (let sent = 1; sent < CHUNKS; sent++) yield CHUNK;
}

async function put(program: ChildProgram, url: string): Promise<Taken> {
  const before = program.readMemory();
  let most = before;
  const watching = setInterval(() => (most = Math.max(most, program.readMemory())), 20);
  const startedAt = performance.now();
  const sending = request(url, { method: "PUT", headers: { "content-length": BYTES } });
  const answered = once(sending, "response");
  await pipeline(Readable.from(produce()), sending);
  const [response] = await answered;
  response.resume();
  clearInterval(watching);
  if (response.statusCode > 299)
    throw new Error(`The PUT was answered with ${response.statusCode}.`);
  return { seconds: (performance.now() - startedAt) / 1_000, grownMib: most - before };
}

async function openUpload(url: string): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: CREATE }),
  });
  const { putUrl } = (await response.json()).data.createUpload.upload;
  return putUrl.replace(ORIGIN, new URL(url).origin);
}

async function copy(how: "plain" | "kept", url: string, folder: string): Promise<Taken> {
  const program = fileURLToPath(new URL("copy-file.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, how, url, folder]);
  return JSON.parse(stdout);
}

async function serveBytes() {
  const server = createServer((_request, response) => {
    response.setHeader("content-length", BYTES);
    pipeline(Readable.from(produce()), response).catch(() => undefined);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${port}/file`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
