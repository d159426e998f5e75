import { once } from "node:events";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import sharp from "sharp";
import { afterAll, expect, test } from "vitest";

import { createTemporaryFolder } from "../support/temporary-folder.ts";
import type { OpenGateway } from "./open-gateway.ts";
import { DATABASES, openGateway, start as startWith } from "./open-gateway.ts";

const CREATE = `mutation ($fileName: String = "cat.png", $contentType: String = "image/png", $bytes: SafeInt!) {
  createUpload(fileName: $fileName, contentType: $contentType, bytes: $bytes) {
    ... on CreateUploadSuccess { upload { id putUrl expiresAt } }
    ... on InvalidUploadError { message issues { path message } }
  }
}`;
const SUBMIT = `mutation ($input: JSON!, $key: String) {
  submitJob(deploymentId: "dep", input: $input, idempotencyKey: $key) {
    ... on SubmitJobSuccess { job { id input } }
    ... on InvalidInputError { issues { path message } }
    ... on Error { message }
  }
}`;
/** It has a public address. */
const PUBLIC = { PUBLIC_URL: "https://gateway.example.com", UPLOAD_MIB: "1" };

/** What users do with a gateway. */
function use(gateway: OpenGateway) {
  const { ask, here, upstream } = gateway;

  const create = async (bytes: number, variables: object = {}) =>
    (await ask(CREATE, { bytes, ...variables })).createUpload;

  const put = (url: string, body: Uint8Array) =>
    fetch(here(url), { method: "PUT", body: new Uint8Array(body) });

  /** Gives how an input names it. */
  async function upload(body: Uint8Array): Promise<string> {
    const { id, putUrl } = (await create(body.length)).upload;
    expect((await put(putUrl, body)).status).toBe(204);
    return `upload:${id}`;
  }

  const submit = async (input: object, key: string | null = null) =>
    (await ask(SUBMIT, { input, key })).submitJob;

  /** What the upstream got last. */
  const sent = () =>
    JSON.parse(upstream.requests.findLast(({ call }) => call === "submit")?.body ?? "null");

  /** The URL, at the gateway's own address, of a file that was uploaded and submitted. */
  async function bring(body: Uint8Array): Promise<string> {
    await submit({ ctrl_img: await upload(body) });
    return here(sent().ctrl_img);
  }

  return { ...gateway, create, put, upload, submit, sent, bring };
}

const start = async (variables: Readonly<Record<string, string>>) =>
  use(await startWith({ ...PUBLIC, ...variables }));

const shared = use(await openGateway(PUBLIC));
const { upstream, here, create, put, upload, submit, sent, bring } = shared;
afterAll(shared.end);

const cat = await sharp({
  create: { width: 64, height: 48, channels: 3, background: "orange" },
})
  .png()
  .toBuffer();

async function refusalOf(response: Response) {
  const { errors } = await response.json();
  return { status: response.status, code: errors[0].extensions.code, message: errors[0].message };
}

test("a picture goes in, is named in an input, and RunComfy gets a URL that gives its bytes to anyone who has it", async () => {
  const named = await upload(cat);
  const input = { ctrl_img: named, nested: [{ also: named }], prompt: "upload:x" };
  const { job } = await submit(input, "key");
  expect(job.input).toEqual(input);
  const submits = upstream.count("submit");
  // A key stands for the upload, not for the URL that RunComfy gets.
  expect((await submit(input, "key")).job.id).toBe(job.id);
  expect(upstream.count("submit")).toBe(submits);
  const { ctrl_img: url, nested, prompt } = sent();
  expect(url).toMatch(/^https:\/\/gateway\.example\.com\/files\/[0-9a-f-]+\.png\?/);
  expect([nested, prompt]).toEqual([[{ also: url }], "upload:x"]);
  const response = await fetch(here(url));
  expect(Buffer.from(await response.arrayBuffer())).toEqual(cat);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "image/png",
    "content-disposition": "inline",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "cross-origin",
    "content-security-policy": expect.stringContaining("sandbox"),
    "cache-control": "private, max-age=3600",
    "accept-ranges": "bytes",
  });
});

test("an upload is named in a list of a model's files, and in what a workflow's entry maps", async () => {
  const file = join(await createTemporaryFolder(), "deployments.json");
  const images = { type: "array", format: "image_uris", maxItems: 2 };
  const model = { id: "a/b", kind: "model", inputSchema: { properties: { images } } };
  const inputs = { image: { node: "16", input: "image", format: "image_uri" } };
  const deployments = [
    { ...model, name: "Model" },
    { id: "w", kind: "comfyui", name: "Workflow", inputs },
  ];
  await writeFile(file, JSON.stringify({ deployments }));
  const variables = { ...PUBLIC, DEPLOYMENTS_FILE: file, RUNCOMFY_MODEL_URL: upstream.url };
  const gateway = use(await startWith(variables, { upstream }));
  const named = await gateway.upload(cat);
  const run = (field: string, input: object) =>
    gateway.ask(
      `mutation ($input: ${field}Input!) { submit${field}(input: $input) { __typename ... on InvalidInputError { issues { path message } } } }`,
      { input },
    );
  const url = expect.stringMatching(/^https:\/\/gateway\.example\.com\/files\/.*\?/);
  const accepted = { __typename: "SubmitJobSuccess" };
  const other = "https://example.com/a.png";
  expect(await run("Model", { images: [other, named] })).toEqual({ submitModel: accepted });
  expect(gateway.sent()).toEqual({ images: [other, url] });
  expect(await run("Workflow", { image: named })).toEqual({ submitWorkflow: accepted });
  expect(gateway.sent()).toEqual({ overrides: { 16: { inputs: { image: url } } } });
});

const SEEN = `upload(id: $id) { fileName putUrl url thumbnailUrl(width: 50) }`;

test("what went in is seen: by itself once it has come, and at each job that names it, as long as one does", async () => {
  const DATABASE_URL = await DATABASES.SQLite();
  const gateway = await start({ DATABASE_URL });
  const seen = async (id: string) =>
    (await gateway.ask(`query ($id: ID!) { ${SEEN} }`, { id })).upload;
  const read = async (url: string) => {
    const response = await fetch(gateway.here(url));
    return [response.status, response.headers.get("content-type")];
  };
  const { id, putUrl } = (await gateway.create(cat.length, { fileName: "/home/me\\a cat.png" }))
    .upload;
  const nothing = { fileName: "a cat.png", putUrl: null, url: null, thumbnailUrl: null };
  expect(await seen(id)).toEqual(nothing);
  await gateway.put(putUrl, cat);
  const { url, thumbnailUrl, ...rest } = await seen(id);
  expect({ ...rest, url: null, thumbnailUrl: null }).toEqual(nothing);
  expect(await read(url)).toEqual([200, "image/png"]);
  expect(await read(thumbnailUrl)).toEqual([200, "image/webp"]);
  expect(thumbnailUrl).toContain("width=64");
  expect(await seen("upl_0")).toBeNull();
  expect(await seen("no id")).toBeNull();

  const first = (await gateway.submit({ ctrl_img: `upload:${id}`, also: [`upload:${id}`] })).job.id;
  const rerun = `mutation ($id: ID!) { rerunJob(id: $id, changes: { also: null }) { ... on SubmitJobSuccess { job { id } } } }`;
  const second = (await gateway.ask(rerun, { id: first })).rerunJob.job.id;
  using database = new DatabaseSync(DATABASE_URL.slice("file:".length));
  database.exec("update uploads set created_at = created_at - 90000000");
  const deletion = `mutation ($id: ID!) { deleteJob(id: $id) { __typename } }`;
  const remove = async (job: string) =>
    (await gateway.ask(deletion, { id: job })).deleteJob.__typename;
  await expect.poll(() => remove(first)).toBe("DeleteJobSuccess");
  const named = `query ($id: ID!) { job(id: $id) { uploads { id fileName url } } }`;
  expect((await gateway.ask(named, { id: second })).job.uploads).toEqual([
    { id, fileName: "a cat.png", url },
  ]);
  expect(await read(url)).toEqual([200, "image/png"]);
  await expect.poll(() => remove(second)).toBe("DeleteJobSuccess");
  expect((await read(url))[0]).toBe(404);
  await expect.poll(() => seen(id)).toBeNull();
});

test("what is no picture has no thumbnail, whatever it was said to be", async () => {
  const wav = Buffer.from("524946462400000057415645666d74201000000001000100", "hex");
  const { id, putUrl } = (await create(wav.length, { contentType: "audio/wav" })).upload;
  expect((await put(putUrl, wav)).status).toBe(204);
  const { upload: seen } = await shared.ask(`query ($id: ID!) { ${SEEN} }`, { id });
  expect(seen).toMatchObject({ url: expect.stringContaining(".wav?"), thumbnailUrl: null });
});

test("an input names at most 100 uploads", async () => {
  const names = Array.from({ length: 101 }, (_, index) => `upload:upl_${index}`);
  expect((await submit({ images: names })).issues).toEqual([
    { path: "", message: expect.stringContaining("more than 100 uploads") },
  ]);
  // Those are not there, which is another matter.
  expect((await submit({ images: names.slice(1) })).issues).toHaveLength(100);
});

test("ranges, HEAD and known files are answered as browsers ask for them", async () => {
  const url = await bring(cat);
  const read = async (headers: Record<string, string>, method = "GET") => {
    const response = await fetch(url, { method, headers });
    const range = response.headers.get("content-range");
    return [response.status, range, Buffer.from(await response.arrayBuffer())];
  };
  const size = cat.length;
  const part = (from: number, to: number) => [
    206,
    `bytes ${from}-${to - 1}/${size}`,
    cat.subarray(from, to),
  ];
  expect(await read({ range: "bytes=2-5" })).toEqual(part(2, 6));
  expect(await read({ range: "bytes=-3" })).toEqual(part(size - 3, size));
  expect(await read({ range: `bytes=${size - 1}-` })).toEqual(part(size - 1, size));
  expect(await read({ range: `bytes=0-${size * 2}` })).toEqual(part(0, size));
  expect((await read({ range: `bytes=${size}-` }))[0]).toBe(416);
  expect(await read({ range: "bytes=0-1,4-5" })).toEqual([200, null, cat]);
  expect(await read({ range: "bytes=0-1", "if-range": '"other"' })).toEqual([200, null, cat]);
  expect(await read({}, "HEAD")).toEqual([200, null, Buffer.alloc(0)]);
  const etag = (await fetch(url)).headers.get("etag") ?? "";
  expect((await read({ "if-none-match": etag }))[0]).toBe(304);
  expect((await read({}, "DELETE"))[0]).toBe(405);
});

test("a URL that was altered, has expired or is unknown is 404, for reading and for sending", async () => {
  const url = await bring(cat);
  const { putUrl } = (await create(cat.length)).upload;
  for (const one of [url.replace(/\/files\/./, "/files/z"), url.slice(0, -2), `${url}A`]) {
    const { status, headers } = await fetch(one);
    expect([status, headers.get("cache-control")]).toEqual([404, "no-store"]);
  }
  for (const one of [putUrl.replace(/upl_./, "upl_z"), putUrl.replace(/expires=\d/, "expires=9")])
    expect((await put(one, cat)).status).toBe(404);
});

test("an upload that is a day old goes with the last job that names it", async () => {
  const DATABASE_URL = await DATABASES.SQLite();
  const gateway = await start({ DATABASE_URL });
  const input = { ctrl_img: await gateway.upload(cat) };
  const jobs = [(await gateway.submit(input)).job.id, (await gateway.submit(input)).job.id];
  const url = gateway.here(gateway.sent().ctrl_img);
  using database = new DatabaseSync(DATABASE_URL.slice("file:".length));
  const readStatus = async () => (await fetch(url)).status;
  const deleteOne = async () => {
    const mutation = `mutation ($id: ID!) { deleteJob(id: $id) { __typename } }`;
    const id = jobs.pop();
    await expect
      .poll(async () => (await gateway.ask(mutation, { id })).deleteJob.__typename)
      .toBe("DeleteJobSuccess");
  };
  database.exec("update uploads set created_at = created_at - 90000000");
  expect(await readStatus()).toBe(200);
  await deleteOne();
  expect(await readStatus()).toBe(200);
  await deleteOne();
  expect(await readStatus()).toBe(404);
  const list = () => readdirSync(gateway.folder, { recursive: true, encoding: "utf8" });
  await expect.poll(() => list().filter((one) => one.includes(".png"))).toEqual([]);
});

const HUGE = Buffer.from(
  "89504e470d0a1a0a0000000d4948445200007530000075300802000000000000000000000049444154789c6300010000050001",
  "hex",
);

test.each([
  ["a ZIP called cat.png", Buffer.from("504b0304140000000800", "hex"), /not what it was said/],
  ["a header of 30,000 × 30,000 pixels", HUGE, /30000 × 30000 pixels|can't be read/],
  ["an SVG", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"), /SVG/],
  ["the head of a picture", cat.subarray(0, 20), /can't be read/],
])("%s is refused at the PUT, and leaves nothing", async (_what, body, reason) => {
  const { id, putUrl } = (await create(body.length)).upload;
  const refusal = await refusalOf(await put(putUrl, body));
  expect(refusal).toMatchObject({ status: 422, code: "INVALID_FILE" });
  expect(refusal.message).toMatch(reason);
  expect((await submit({ ctrl_img: `upload:${id}` })).issues).toEqual([
    { path: "ctrl_img", message: expect.stringContaining("has not come") },
  ]);
});

test("a file of another size than was said is refused, also if its length is not sent", async () => {
  for (const bytes of [cat.length - 1, cat.length + 1]) {
    const { putUrl } = (await create(bytes)).upload;
    expect(await refusalOf(await put(putUrl, cat))).toMatchObject({ status: 422 });
    const body = new Blob([new Uint8Array(cat)]).stream();
    const chunked = await fetch(
      new Request(here(putUrl), Object.assign({ method: "PUT", body }, { duplex: "half" })),
    );
    expect(await refusalOf(chunked)).toMatchObject({ status: 422, code: "INVALID_FILE" });
  }
});

test("an upload comes once: the second PUT says so, also of two at once", async () => {
  const { putUrl } = (await create(cat.length)).upload;
  const answers = await Promise.all([put(putUrl, cat), put(putUrl, cat)]);
  // The other one may have to wait, or learn that the file has come.
  expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
  expect((await refusalOf(await put(putUrl, cat))).code).toBe("ALREADY_UPLOADED");
});

test("a PUT that breaks off half-way leaves nothing, and can be sent again", async () => {
  const { putUrl } = (await create(cat.length)).upload;
  const { hostname, port, pathname, search, host } = new URL(here(putUrl));
  const socket = connect(Number(port), hostname);
  socket.write(
    `PUT ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: ${cat.length}\r\n\r\n`,
  );
  socket.resume().end(cat.subarray(0, 10));
  await once(socket, "close");
  await expect.poll(async () => (await put(putUrl, cat)).status).toBe(204);
});

test("what can't be an upload is reported by argument", async () => {
  const wrong = { fileName: "", contentType: "application/zip" };
  expect((await create(0, wrong)).issues).toEqual([
    { path: "fileName", message: expect.any(String) },
    { path: "contentType", message: expect.any(String) },
    { path: "bytes", message: expect.stringMatching(/1048576; choose a file that is not empty/) },
  ]);
  expect((await create(1_048_577)).issues).toEqual([
    { path: "bytes", message: expect.stringMatching(/1048576; choose a smaller file/) },
  ]);
});

test.each([
  ["a\u0007.png", /control character/],
  ["..", /is empty/],
  ["folder/", /is empty/],
  ["a".repeat(256), /at most 255/],
])("no file is called %j", async (fileName, message) => {
  expect((await create(10, { fileName })).issues).toEqual([
    { path: "fileName", message: expect.stringMatching(message) },
  ]);
});

test("an upload that is not there is an issue at its path", async () => {
  const submits = upstream.count("submit");
  const { issues } = await submit({ images: [`upload:upl_${"0".repeat(32)}`, "upload:upl_00"] });
  const message = expect.stringContaining("no upload of yours");
  expect(issues).toEqual([
    { path: "images[0]", message },
    { path: "images[1]", message },
  ]);
  expect(upstream.count("submit")).toBe(submits);
});

test("without a public address createUpload says what to set", async () => {
  const gateway = await start({ PUBLIC_URL: "" });
  expect((await gateway.create(10)).message).toMatch(/PUBLIC_URL .* FILES_URL/);
});

test.each([
  [{ OPEN_UPLOADS: "2" }, /2 uploads open.*QUOTA_EXCEEDED/],
  [{ UPLOAD_MIB_PER_DAY: "2" }, /more than 2 MiB in a day.*QUOTA_EXCEEDED/],
])("owners are held to %j", async (limit, refusal) => {
  const gateway = await start(limit);
  await gateway.create(1_000_000);
  await gateway.create(1_000_000);
  await expect(gateway.create(1)).rejects.toThrow(refusal);
});

test("pages of CORS_ORIGINS may send bytes, and no others", async () => {
  const gateway = await start({ CORS_ORIGINS: "https://app.example.com" });
  const url = gateway.here((await gateway.create(10)).upload.putUrl);
  const ask = async (origin: string) => {
    const headers = { origin, "access-control-request-method": "PUT" };
    return (await fetch(url, { method: "OPTIONS", headers })).headers;
  };
  const own = await ask("https://app.example.com");
  expect(own.get("access-control-allow-origin")).toBe("https://app.example.com");
  expect(own.get("access-control-allow-methods")).toBe("PUT");
  expect((await ask("https://evil.example.com")).get("access-control-allow-origin")).toBeNull();
});

test("with UPLOAD_STRIP_METADATA a picture loses where it was taken, and stays upright", async () => {
  const gateway = await start({ UPLOAD_STRIP_METADATA: "true" });
  const picture = { width: 40, height: 20, channels: 3, background: "red" } as const;
  const exif = { IFD3: { GPSLatitudeRef: "N" } };
  const photo = await sharp({ create: picture }).withExif(exif).jpeg().toBuffer();
  const turned = await sharp(photo).keepExif().withMetadata({ orientation: 6 }).toBuffer();
  expect((await sharp(turned).metadata()).exif).toBeDefined();
  const stored = await (await fetch(await gateway.bring(turned))).arrayBuffer();
  const { exif: left, width, height } = await sharp(Buffer.from(stored)).metadata();
  expect([left, width, height]).toEqual([undefined, 20, 40]);
});
