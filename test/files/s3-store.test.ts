import { once } from "node:events";
import { access, truncate } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { inspect } from "node:util";

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { FileStoreError } from "../../src/engine/files/file-store.ts";
import { openFileStore } from "../../src/engine/files/open-file-store.ts";
import { openS3Store } from "../../src/engine/files/s3-store.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import { listen } from "../support/listen.ts";
import { describeFileStore } from "./file-store.contract.ts";
import { CREDENTIALS, startBucket, startS3Server } from "./s3-server.ts";

const MEBIBYTE = 1_048_576;
const WITHOUT_ROWS = { credentials: CREDENTIALS, files: { lease: async () => undefined } };
const SECRETS = { ...CREDENTIALS, sessionToken: "t0ken/of+the=session" };

type Answer = Parameters<typeof startBucket>[0];

function toUrl(endpoint: string, bucketAndPrefix = "files/some/prefix"): string {
  return `s3://${bucketAndPrefix}?endpoint=${endpoint}&region=eu-central-1`;
}

function toRead(bytes: string | Buffer): Readable {
  return Readable.from([Buffer.from(bytes)]);
}

/** The store at a server that answers as said once the store is open. */
async function openAt(answer: Answer, answerMs = 20_000) {
  let isOpen = false;
  const { endpoint, requests } = await startBucket((request, response) =>
    isOpen ? answer(request, response) : "leave",
  );
  const store = await openS3Store({
    location: { endpoint, region: "eu-central-1", bucket: "files" },
    folder: "db1/",
    credentials: SECRETS,
    answerMs,
  });
  onTestFinished(() => store.close());
  isOpen = true;
  return { store, requests };
}

async function failToOpen(url: string): Promise<string> {
  const options = { ...WITHOUT_ROWS, databaseId: "db1", credentials: SECRETS };
  return await catchError(openFileStore({ ...options, url }));
}

/** The text of what a call is rejected with, once that has proved to hold no secret. */
async function catchError(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => new Error("nothing was thrown"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof FileStoreError)) throw error;
  const shown = inspect(error, { depth: 9, showHidden: true });
  for (const secret of [...Object.values(SECRETS), "Signature=", "127.0.0.1", "db1/"]) {
    expect(shown).not.toContain(secret);
  }
  return error.message;
}

function refuse(response: ServerResponse, status: number, code: string): void {
  const echo = `${Object.values(SECRETS).join(" ")} Signature= 127.0.0.1 db1/`;
  response.writeHead(status, { "x-echo": echo });
  response.end(`<Error><Code>${code}</Code><Message>${echo}</Message></Error>`);
}

describe("on a server of S3", () => {
  let server: Awaited<ReturnType<typeof startS3Server>>;
  beforeAll(async () => {
    server = await startS3Server();
  });
  afterAll(() => server.close());

  const open = (databaseId: string, place?: string) =>
    openFileStore({ url: toUrl(server.endpoint, place), databaseId, ...WITHOUT_ROWS });

  describeFileStore({ open });

  test("files are below the prefix and the database's id, and a presigned URL is enough to get them", async () => {
    for (const place of ["files", "files/a.b/c_d/"]) {
      const store = await open("db1", place);
      onTestFinished(() => store.close());
      await using draft = await store.draft(toRead("hello"), { mostBytes: 9 });
      await draft.keepAs("a-b_c.txt", "text/plain");
      const path = `${place.replace(/\/$/, "")}/db1/a-b_c.txt`;
      expect(await (await fetch(`${server.endpoint}/${path}`)).text()).toBe("hello");
      const contentType = "image/svg+xml; charset=utf-8";
      const contentDisposition = 'attachment; filename="a b+c.txt"';
      const options = { expiresInSeconds: 60, contentType, contentDisposition };
      const url = new URL((await store.presign?.("a-b_c.txt", options)) ?? "");
      const response = await fetch(url);
      expect(await response.text()).toBe("hello");
      expect(response.headers.get("content-type")).toBe(contentType);
      expect(response.headers.get("content-disposition")).toBe(contentDisposition);
      url.searchParams.set("X-Amz-Date", "20200101T000000Z");
      expect((await fetch(url)).status).toBe(403);
    }
  });
});

test.for([
  [403, "AccessDenied", /refused the credentials \(AccessDenied\). Check AWS_ACCESS_KEY_ID/],
  [400, "ExpiredToken", /refused the credentials/],
  [403, "RequestTimeTooSkewed", /different times.*Set the clock/],
  [301, "PermanentRedirect", /is elsewhere.*Correct region=/],
  [400, "AuthorizationHeaderMalformed", /is elsewhere/],
  [404, "NoSuchBucket", /no such bucket/],
  [404, "", /refused a call \(HTTP 404\). Check that FILES_URL/],
  [500, "<secret>", /S3 failed \(HTTP 500\). Try again soon/],
  [200, "", /not S3. Correct endpoint=/],
] as const)(
  "opening a bucket reports that S3 answers with %i %s",
  async ([status, code, message]) => {
    const { endpoint } = await startBucket((_, response) => refuse(response, status, code));
    expect(await failToOpen(toUrl(endpoint))).toMatch(message);
  },
);

test("opening a bucket reports that the key may not write, and that nothing listens at its endpoint", async () => {
  for (const method of ["PUT", "DELETE"]) {
    const { endpoint } = await startBucket((request, response) =>
      request.method === method ? refuse(response, 403, "AccessDenied") : "leave",
    );
    expect(await failToOpen(toUrl(endpoint))).toMatch(/read, write and delete its files/);
  }
  const closed = createServer();
  const { origin } = await listen(closed);
  await once(closed.close(), "close");
  expect(await failToOpen(toUrl(origin))).toMatch(
    /connection to S3 failed \(ECONNREFUSED\). Check endpoint=/,
  );
});

describe("a call to S3", () => {
  test("is repeated twice while S3 fails or the connection breaks, and no more", async () => {
    let failures = 2;
    const { store, requests } = await openAt((request, response) => {
      if (failures-- <= 0) return "leave";
      return failures % 2 === 0 ? refuse(response, 503, "SlowDown") : request.socket.destroy();
    });
    await using draft = await store.draft(toRead("hello"), { mostBytes: 9 });
    await draft.keepAs("a", "image/png");
    await expect(access(draft.path)).rejects.toThrow(/ENOENT/);
    expect(requests.slice(1).map(({ method }) => method)).toEqual(["PUT", "PUT", "PUT"]);
    expect(requests.at(-1)?.headers).toMatchObject({
      "content-length": "5",
      "content-type": "image/png",
      "accept-encoding": "identity",
    });
    failures = 3;
    expect(await catchError(store.delete("a"))).toMatch(/failed/);
    expect(requests.slice(4)).toHaveLength(3);
  });

  test("is not repeated when it was refused", async () => {
    const { store, requests } = await openAt((_, response) => refuse(response, 403, "NoWay"));
    expect(await catchError(store.delete("a"))).toMatch(/NoWay/);
    expect(requests.slice(1)).toHaveLength(1);
  });

  test("ends when S3 does not answer in time, and is not repeated then", async () => {
    const { store, requests } = await openAt(() => undefined, 1_000);
    const uses = [store.open("a"), store.size("a"), store.delete("a")];
    for (const message of await Promise.all(uses.map(catchError))) {
      expect(message).toMatch(/did not answer in time/);
    }
    expect(requests.slice(1)).toHaveLength(3);
  });

  test("ends when an answer stops half-way, while a file may come as slowly as it likes", async () => {
    const answers: ServerResponse[] = [];
    const { store } = await openAt((_, response) => {
      answers.push(response);
      response.writeHead(200, { "content-length": 10 }).write("01234");
    }, 1_000);
    const stream = await store.open("a");
    expect(await catchError(store.delete("a"))).toMatch(/did not answer in time/);
    answers[0]?.end("56789");
    expect(stream && (await text(stream))).toBe("0123456789");
  });

  test("ends with the store", async () => {
    const arrived = Promise.withResolvers<void>();
    const { store, requests } = await openAt(() => arrived.resolve());
    await using draft = await store.draft(toRead("hello"), { mostBytes: 9 });
    const keeping = catchError(draft.keepAs("a", "text/plain"));
    await arrived.promise;
    await store.close();
    expect(await keeping).toMatch(/The gateway stops/);
    expect(requests.slice(1)).toHaveLength(1);
    await expect(access(draft.path)).rejects.toThrow(/ENOENT/);
  });
});

describe("a file in a bucket", () => {
  test("comes in the part that was asked for, or not at all", async () => {
    let range = "bytes 0-0/4";
    const { store, requests } = await openAt((_, response) => {
      const headers = { "content-range": range, "content-length": 1 };
      if (range !== "") response.writeHead(206, headers).end("0");
      else response.writeHead(200, { "content-length": 4 }).end("0123");
    });
    const stream = await store.open("a", { from: 0, to: 0 });
    expect(stream && (await text(stream))).toBe("0");
    expect(requests.at(-1)?.headers.range).toBe("bytes=0-0");
    for (range of ["bytes 1-1/4", ""])
      expect(await catchError(store.open("a", { from: 0, to: 0 }))).toMatch(/another part/);
  });

  test("that breaks off on its way ends its stream with what to do", async () => {
    const { store } = await openAt((request, response) => {
      response.writeHead(200, { "content-length": 10 }).write("01234");
      setImmediate(() => request.socket.destroy());
    });
    const stream = await store.open("a");
    if (stream === null) throw new Error("there is no file");
    expect(await catchError(buffer(stream))).toMatch(/connection to S3 failed/);
  });

  test("that nobody reads on lets go of its connection, even while S3 is silent", async () => {
    const arrived = Promise.withResolvers<IncomingMessage>();
    const { store } = await openAt((request, response) => {
      response.writeHead(200, { "content-length": 10 }).write("01234");
      arrived.resolve(request);
    });
    const stream = await store.open("a");
    const { socket } = await arrived.promise;
    const closed = once(socket, "close");
    stream?.destroy();
    await closed;
  });

  test("is missing only where the bucket is there", async () => {
    let hasBucket = true;
    const { store } = await openAt((request, response) => {
      if (hasBucket && request.url?.includes("list-type") === true) return "leave";
      return refuse(response, 404, hasBucket ? "NoSuchKey" : "NoSuchBucket");
    });
    expect(await store.open("a")).toBeNull();
    expect(await store.size("a")).toBeNull();
    await store.delete("a");
    hasBucket = false;
    for (const use of [store.open, store.size, store.delete]) {
      expect(await catchError(use("a"))).toMatch(/no such bucket/);
    }
  });

  test("is not held in memory while it is sent", async () => {
    const measure = () => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers;
    };
    const arrived = Promise.withResolvers<ServerResponse>();
    const { store } = await openAt((request, response) => {
      request.resume().once("end", () => arrived.resolve(response));
    });
    await using draft = await store.draft(toRead(""), { mostBytes: 0 });
    await truncate(draft.path, 24 * MEBIBYTE);
    const before = measure();
    const keeping = draft.keepAs("a", "video/mp4");
    const response = await arrived.promise;
    // What was collected is freed in the background.
    await expect.poll(() => measure() - before).toBeLessThan(8 * MEBIBYTE);
    response.end();
    await keeping;
  });

  test("is presigned for seven days at most", async () => {
    const { store } = await openAt(() => "leave");
    const options = { contentType: "a/b", contentDisposition: "inline" };
    const presign = async (expiresInSeconds: number) => {
      const url = await store.presign?.("a", { ...options, expiresInSeconds });
      return new URL(url ?? "").searchParams.get("X-Amz-Expires");
    };
    expect(await presign(59.5)).toBe("60");
    expect(await presign(1e9)).toBe("604800");
  });
});
