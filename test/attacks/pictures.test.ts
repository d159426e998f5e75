import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { crc32, createDeflate, gunzipSync } from "node:zlib";

import { beforeAll, expect, onTestFinished, test } from "vitest";

import { judgeFile } from "../../src/files/judge-file.ts";
import { createSignedUrls } from "../../src/files/signed-urls.ts";
import { ask } from "../support/graphql-client.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import { createTurnWatch } from "./turn-watch.ts";

const MOST_MS_A_TURN = 150;
const MOST_MIB = 1_240;
const ORIGIN = "https://gateway.example.com";
const WIDTH = 10_000;
const HEIGHT = 9_800;
/** An AVIF of so many pixels, all of one color. */
const LARGE_AVIF = gunzipSync(
  Buffer.from(
    "H4sICDR1C2sCA2E5OC5hdmlmAGNgYJBJK6ksSCzLTGMAgtzMNEMQOzczEcS/lptaksgAAYoZKTlFUDZDQWZyCQMaUMrMyU8GMVwcGBiBEAR+QWkG9udAQjkzMw9sDVhUFMhJZYLyEssMDEFMvoLMkly4krDMgqICIG2RWZCcD6R5EssMnRvtwZpEMosLUiGGqwswMKh5ABkCBZkVmSARZg4ODiAlllmQC3M/0EnMjUzMQKe8z01JLBFi4OK2/57OP1N2CYuJlIPRVX7hk07JLIfP23x2VHBgiD5/xuUkV57T1CPBO2bbns9UK5qmwJr8lH9yCs8fyfqPqm2xjdGbtnZ7OD9Z1yk0P2j27SLDg2a6ik1FDyUlJniKJu7idVrBpNRXaTh/n4HYx/ir9uL1rcZ920I3FCd+fxR7/kxQ9Le1Qgd4Tn1qPud6/TPv7vylH/weqwYrKVTr+6xd697orfjw5YxX5pyP7fzTVJnk/Xi8/T85HU6T+90sueGd490VPUEmS6drH7hzeFcjsynDyZO7edyiJx6J3tdiorqCxsbvJNn44M/e4d5hYhpzsj7vyKhdw36Pzel908lLqjFSWftnzjba+clgf/oRd5EjnsnOsTelkkXns99MeXjy0sOE0Ec5C08VLj60ZJmnU0140Q29z1MSvjJEM08qa+Y6U3nR8v/BJJapy4NMNOJ/vuE5unNnyw/vSO0TSwLfrLtwNyvW/nrmZOnNb7fzP0/u+h3zVeTujKEd8KPxOhqvIyteq2gYMsd012z6LHXxjr7YcuW181f+ZRRMbg2pfySqu2Djs8Le/TIj1e6hllrWSuXLtuy6H2j4vkv+ltmUg32fLXVCNHqPFZ6ctFcuAAAFbaBm4QgAAA==",
    "base64",
  ),
);
let largePng: Buffer;
beforeAll(async () => {
  largePng = await drawInterlaced();
}, 60_000);

test("an AVIF of tiny boxes takes no turn for long", async () => {
  const path = join(await createTemporaryFolder(), "boxes.avif");
  const size = toBox("ispe", Buffer.from([0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 9]));
  const sizes = Buffer.concat(Array.from({ length: 524_000 / size.length }, () => size));
  const meta = Buffer.concat([Buffer.alloc(4), toBox("iprp", toBox("ipco", sizes))]);
  const brand = Buffer.from("avif\0\0\0\0avifmif1", "latin1");
  await writeFile(path, Buffer.concat([toBox("ftyp", brand), toBox("meta", meta)]));
  // The first time the programs that tell files apart are loaded.
  await judgeFile(import.meta.filename);
  const turns = createTurnWatch();
  const facts = await judgeFile(path);
  expect(turns.end()).toBeLessThan(MOST_MS_A_TURN);
  expect(facts).toMatchObject({ contentType: "image/avif", width: 9, height: 9 });
});

test(
  "thumbnails of pictures that are too large to draw take little memory, and there are none",
  { timeout: 180_000 },
  async () => {
    const { gateway, put, path } = await start({});
    for (const picture of [LARGE_AVIF, largePng]) expect((await put(picture)).status).toBe(204);
    using database = new DatabaseSync(path);
    const { key } = database.prepare("select key from file_places").get() ?? {};
    const files = database.prepare("select file from uploads").all();
    const urls = createSignedUrls({
      key: String(key),
      publicUrl: () => gateway.url,
      now: Date.now,
    });
    const asked = files.flatMap(({ file }) =>
      [64, 320].map((width) =>
        fetch(urls.create({ folder: "files", name: basename(String(file)), width })),
      ),
    );
    const answers = await Promise.all(asked);
    expect(readPeakMib(gateway.process.pid)).toBeLessThan(MOST_MIB);
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    await gateway.expectUnharmed();
  },
);

test(
  "uploads that are too large for their metadata to be removed take little memory, and are refused",
  { timeout: 180_000 },
  async () => {
    const { gateway, put } = await start({ UPLOAD_STRIP_METADATA: "true" });
    const answers = await Promise.all([LARGE_AVIF, largePng].map(put));
    expect(readPeakMib(gateway.process.pid)).toBeLessThan(MOST_MIB);
    for (const answer of answers) {
      expect(answer.status).toBe(422);
      expect(await answer.text()).toMatch(/too large for its metadata .* save it as JPEG/);
    }
    await gateway.expectUnharmed();
  },
);

async function start(environment: Readonly<Record<string, string>>) {
  const path = join(await createTemporaryFolder(), "gateway.db");
  const gateway = await startAttackedGateway({
    PUBLIC_URL: ORIGIN,
    DATABASE_URL: `file:${path}`,
    ...environment,
  });
  onTestFinished(() => gateway.end());

  async function put(body: Buffer): Promise<Response> {
    const create = `mutation { createUpload(fileName: "large", contentType: "image/png", bytes: ${body.length}) {
      ... on CreateUploadSuccess { upload { putUrl } }
    } }`;
    const { putUrl } = (await ask(gateway.url, create)).createUpload.upload;
    const url = putUrl.replace(ORIGIN, gateway.url);
    return await fetch(url, { method: "PUT", body: new Uint8Array(body) });
  }

  return { gateway, put, path };
}

/** The most memory that a process has had so far. */
function readPeakMib(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}

/** A box of an ISO base media file. */
function toBox(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length);
  head.write(name, 4, "latin1");
  return Buffer.concat([head, content]);
}

/** A black PNG of 16 bits, which has to be held whole. */
async function drawInterlaced(): Promise<Buffer> {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 16, 2, 0, 0, 1]);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  const deflate = createDeflate({ level: 1 });
  const chunks: Buffer[] = [];
  deflate.on("data", (chunk: Buffer) => chunks.push(chunk));
  const zeros = Buffer.alloc(4_194_304);
  for (let left = countInterlacedBytes(); left > 0; left -= zeros.length) {
    if (!deflate.write(zeros.subarray(0, left))) await once(deflate, "drain");
  }
  deflate.end();
  await once(deflate, "end");
  const parts = [
    ["IHDR", header],
    ["IDAT", Buffer.concat(chunks)],
    ["IEND", Buffer.alloc(0)],
  ] as const;
  const encoded = parts.map(([type, data]) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    checksum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, checksum]);
  });
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...encoded]);
}

/** Each of the seven passes of Adam7 has rows of its own, with a byte before each. */
function countInterlacedBytes(): number {
  const passes = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ] as const;
  return passes.reduce((sum, [x, y, everyX, everyY]) => {
    const columns = Math.ceil((WIDTH - x) / everyX);
    const rows = Math.ceil((HEIGHT - y) / everyY);
    return sum + rows * (1 + columns * 6);
  }, 0);
}
