import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync } from "node:zlib";

import { expect, onTestFinished, test } from "vitest";

import { createSignedUrls } from "../../src/files/signed-urls.ts";
import { ask } from "../support/graphql-client.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import { toAvifOfBoxes, toLargePng } from "./large-pictures.ts";

const MAX_MIB = 1_240;
const ORIGIN = "https://gateway.example.com";
/** An AVIF of 98 megapixels, all of one color. */
const LARGE_AVIF = gunzipSync(
  Buffer.from(
    "H4sICDR1C2sCA2E5OC5hdmlmAGNgYJBJK6ksSCzLTGMAgtzMNEMQOzczEcS/lptaksgAAYoZKTlFUDZDQWZyCQMaUMrMyU8GMVwcGBiBEAR+QWkG9udAQjkzMw9sDVhUFMhJZYLyEssMDEFMvoLMkly4krDMgqICIG2RWZCcD6R5EssMnRvtwZpEMosLUiGGqwswMKh5ABkCBZkVmSARZg4ODiAlllmQC3M/0EnMjUzMQKe8z01JLBFi4OK2/57OP1N2CYuJlIPRVX7hk07JLIfP23x2VHBgiD5/xuUkV57T1CPBO2bbns9UK5qmwJr8lH9yCs8fyfqPqm2xjdGbtnZ7OD9Z1yk0P2j27SLDg2a6ik1FDyUlJniKJu7idVrBpNRXaTh/n4HYx/ir9uL1rcZ920I3FCd+fxR7/kxQ9Le1Qgd4Tn1qPud6/TPv7vylH/weqwYrKVTr+6xd697orfjw5YxX5pyP7fzTVJnk/Xi8/T85HU6T+90sueGd490VPUEmS6drH7hzeFcjsynDyZO7edyiJx6J3tdiorqCxsbvJNn44M/e4d5hYhpzsj7vyKhdw36Pzel908lLqjFSWftnzjba+clgf/oRd5EjnsnOsTelkkXns99MeXjy0sOE0Ec5C08VLj60ZJmnU0140Q29z1MSvjJEM08qa+Y6U3nR8v/BJJapy4NMNOJ/vuE5unNnyw/vSO0TSwLfrLtwNyvW/nrmZOnNb7fzP0/u+h3zVeTujKEd8KPxOhqvIyteq2gYMsd012z6LHXxjr7YcuW181f+ZRRMbg2pfySqu2Djs8Le/TIj1e6hllrWSuXLtuy6H2j4vkv+ltmUg32fLXVCNHqPFZ6ctFcuAAAFbaBm4QgAAA==",
    "base64",
  ),
);
const largePng = toLargePng(9_900);

test("uploads of an AVIF of tiny boxes take no turn for long", async () => {
  const { gateway, put } = await start({});
  // The first loads what tells files apart.
  expect((await put(toAvifOfBoxes(9))).status).toBe(204);
  const answers = await gateway.expectShortTurns(() =>
    Promise.all(Array.from({ length: 8 }, () => put(toAvifOfBoxes(9)))),
  );
  for (const { status } of answers) expect(status).toBe(204);
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
    expect(gateway.readPeakMib()).toBeLessThan(MAX_MIB);
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
    expect(gateway.readPeakMib()).toBeLessThan(MAX_MIB);
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
