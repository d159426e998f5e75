import { basename, join } from "node:path";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync } from "node:zlib";

import { afterAll, expect, onTestFinished, test, vi } from "vitest";

import { createSignedUrls } from "../../src/engine/files/signed-urls.ts";
import { openSocket } from "../support/raw-socket.ts";
import type { Bearer } from "./attacked-gateway.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import { readHeldPorts } from "./held-connections.ts";
import { toLargePng } from "./large-pictures.ts";

vi.setConfig({ testTimeout: 120_000 });

const ORIGIN = "https://gateway.example.com";
const MAX_MIB = 1_240;
const UPLOADS = 200;
const READERS = 250;
const MAX_MIB_OF_READER = 0.3;
const SOUND = Buffer.from("RIFF\0\0\0\0WAVEfmt ");
const POLL = { timeout: 60_000, interval: 100 };
/** An AVIF of 98 megapixels, all of one color. */
const LARGE_AVIF = gunzipSync(
  Buffer.from(
    "H4sICDR1C2sCA2E5OC5hdmlmAGNgYJBJK6ksSCzLTGMAgtzMNEMQOzczEcS/lptaksgAAYoZKTlFUDZDQWZyCQMaUMrMyU8GMVwcGBiBEAR+QWkG9udAQjkzMw9sDVhUFMhJZYLyEssMDEFMvoLMkly4krDMgqICIG2RWZCcD6R5EssMnRvtwZpEMosLUiGGqwswMKh5ABkCBZkVmSARZg4ODiAlllmQC3M/0EnMjUzMQKe8z01JLBFi4OK2/57OP1N2CYuJlIPRVX7hk07JLIfP23x2VHBgiD5/xuUkV57T1CPBO2bbns9UK5qmwJr8lH9yCs8fyfqPqm2xjdGbtnZ7OD9Z1yk0P2j27SLDg2a6ik1FDyUlJniKJu7idVrBpNRXaTh/n4HYx/ir9uL1rcZ920I3FCd+fxR7/kxQ9Le1Qgd4Tn1qPud6/TPv7vylH/weqwYrKVTr+6xd697orfjw5YxX5pyP7fzTVJnk/Xi8/T85HU6T+90sueGd490VPUEmS6drH7hzeFcjsynDyZO7edyiJx6J3tdiorqCxsbvJNn44M/e4d5hYhpzsj7vyKhdw36Pzel908lLqjFSWftnzjba+clgf/oRd5EjnsnOsTelkkXns99MeXjy0sOE0Ec5C08VLj60ZJmnU0140Q29z1MSvjJEM08qa+Y6U3nR8v/BJJapy4NMNOJ/vuE5unNnyw/vSO0TSwLfrLtwNyvW/nrmZOnNb7fzP0/u+h3zVeTujKEd8KPxOhqvIyteq2gYMsd012z6LHXxjr7YcuW181f+ZRRMbg2pfySqu2Djs8Le/TIj1e6hllrWSuXLtuy6H2j4vkv+ltmUg32fLXVCNHqPFZ6ctFcuAAAFbaBm4QgAAA==",
    "base64",
  ),
);
const LARGE_PNG = toLargePng(9_900);

const folder = mkdtempSync(join(tmpdir(), "runcomfy-graphql-"));
const path = join(folder, "gateway.db");
const gateway = await startAttackedGateway({
  AUTH: "api-keys",
  PUBLIC_URL: ORIGIN,
  DATABASE_URL: `file:${path}`,
});
afterAll(async () => {
  await gateway.end();
  rmSync(folder, { recursive: true, force: true });
});
const greedy = await gateway.createKey("greedy");
const other = await gateway.createKey("other");
const author = await gateway.createKey("author");
const quiet = await gateway.createKey("quiet");
// More than what the kernel holds for a reader.
const large = await submit(await upload(toSound(20_000_000), author), author);
const unread = await beginToRead(large);

test("thumbnails of pictures that are too large to draw take little memory, and there are none", async () => {
  const ids = [await upload(LARGE_AVIF, quiet), await upload(LARGE_PNG, quiet)];
  using database = new DatabaseSync(path);
  const { key } = database.prepare("select key from file_places").get() ?? {};
  const find = database.prepare("select file from uploads where id = ?");
  const urls = createSignedUrls({ key: String(key), publicUrl: () => gateway.url });
  const asked = ids.flatMap((id) =>
    [64, 320].map((width) => {
      const name = basename(String(find.get(id)?.["file"]));
      return fetch(urls.create({ folder: "files", name, width }));
    }),
  );
  const answers = await Promise.all(asked);
  expect(gateway.readPeakMib()).toBeLessThan(MAX_MIB);
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
  await gateway.expectUnharmed();
});

test("owners whose uploads drip keep nobody else from uploading, and little of them is in memory", async () => {
  const before = await gateway.readHeldMib();
  const bytes = 500_000;
  const dripping = await Promise.all(
    Array.from({ length: UPLOADS }, async (_, index) => {
      const { putUrl } = await createUpload(bytes, index % 2 === 0 ? greedy : other);
      const lines = [`content-length: ${bytes}`, "expect: 100-continue"];
      return await begin(`PUT ${toPath(putUrl)}`, lines);
    }),
  );
  // The gateway asks for the body of each upload that has a slot.
  const findBegun = () => dripping.filter(({ text }) => text().includes("100 Continue"));
  await expect.poll(() => findBegun().length, POLL).toBe(UPLOADS);
  const begun = findBegun();
  // Each holds what waits for the disk, and no more.
  for (const { socket } of begun) socket.write(toSound(bytes - 100));
  const drip = setInterval(() => begun.forEach(({ socket }) => socket.write("x")), 500);
  onTestFinished(() => clearInterval(drip));
  await gateway.expectHeldBelow(before + 50);
  await upload(toSound(1_000), quiet);
});

test("readers that never read on take little memory, and keep nobody from another file", async () => {
  const small = await submit(await upload(toSound(1_000), quiet), quiet);
  const before = await gateway.readHeldMib();
  const readers = await Promise.all(Array.from({ length: READERS }, () => beginToRead(large)));
  const countServed = () => readers.filter(({ text }) => text().includes("200 OK")).length;
  await expect.poll(countServed, POLL).toBe(READERS);
  const response = await fetch(`${gateway.url}${toPath(small)}`);
  expect(response.status).toBe(200);
  expect((await response.arrayBuffer()).byteLength).toBe(1_000);
  await gateway.expectHeldBelow(before + READERS * MAX_MIB_OF_READER);
});

test("a reader who never reads on is cut within half a minute", async () => {
  // Only who reads again learns of it.
  const isHeld = () => readHeldPorts(gateway.port).has(unread.socket.localPort ?? 0);
  await expect.poll(isHeld, { ...POLL, timeout: 30_000 }).toBe(false);
  await gateway.expectUnharmed();
});

type Connection = Awaited<ReturnType<typeof begin>>;

async function createUpload(bytes: number, headers: Bearer, type = "audio/wav") {
  const create = `mutation { createUpload(fileName: "file", contentType: "${type}", bytes: ${bytes}) {
    ... on CreateUploadSuccess { upload { id putUrl } }
  } }`;
  return JSON.parse(await gateway.ask(create, headers)).data.createUpload.upload;
}

/** The upload's id. */
async function upload(file: Uint8Array, headers: Bearer): Promise<string> {
  const type = file[0] === SOUND[0] ? "audio/wav" : "image/png";
  const { id, putUrl } = await createUpload(file.length, headers, type);
  const body = new Uint8Array(file);
  const { status } = await fetch(`${gateway.url}${toPath(putUrl)}`, { method: "PUT", body });
  expect(status).toBe(204);
  return id;
}

/** The URL of the file that RunComfy gets. */
async function submit(id: string, headers: Bearer): Promise<string> {
  const input = `{ a: "upload:${id}" }`;
  await gateway.ask(
    `mutation { submitJob(deploymentId: "d", input: ${input}) { __typename } }`,
    headers,
  );
  return JSON.parse(gateway.upstream.requests.at(-1)?.body ?? "").a;
}

function toPath(url: string): string {
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

/** Asks for a file, and reads no more than its first bytes. */
async function beginToRead(url: string): Promise<Connection> {
  const reader = await begin(`GET ${toPath(url)}`, []);
  reader.socket.once("data", () => reader.socket.pause());
  return reader;
}

/** Sends the head of a request, and collects what comes back. It ends with the gateway. */
async function begin(line: string, headers: readonly string[]) {
  const socket = await openSocket(gateway.port);
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1", 0, 1_000)));
  socket.write([`${line} HTTP/1.1`, "host: localhost", ...headers, "", ""].join("\r\n"));
  return { socket, text: () => text };
}

function toSound(bytes: number): Uint8Array {
  const file = new Uint8Array(bytes);
  file.set(SOUND);
  return file;
}
