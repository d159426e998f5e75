import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { expect, onTestFinished, test } from "vitest";

import { openS3Store } from "../../src/engine/files/s3-store.ts";
import { startBucket } from "./s3-server.ts";

const REGION = "eu-central-1";
const CREDENTIALS = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfi",
  sessionToken: "FwoGZXIvYXdzEBYaD/s3ssion+t0ken==",
};
const NAMES = ["a", "a-b_c.d", "0..-__", `${"z".repeat(124)}.png`];
/** What aws4fetch leaves out, and S3 does not ask for. */
const UNSIGNED = new Set(["content-type", "range"]);

test("every request and presigned URL has the signature of AWS' own code", async () => {
  const signer = new SignatureV4({
    service: "s3",
    region: REGION,
    credentials: CREDENTIALS,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const { endpoint, requests } = await startBucket((request, response) => {
    if (request.method !== "GET" || request.url?.includes("list-type") === true) return "leave";
    const range = { "content-range": "bytes 3-7/10", "content-length": 5 };
    return response.writeHead(206, range).end("34567");
  });
  const store = await openS3Store({
    location: { endpoint, region: REGION, bucket: "my.bucket-1" },
    folder: "some/pre-fix_1.0/db1/",
    credentials: CREDENTIALS,
  });
  onTestFinished(() => store.close());
  for (const name of NAMES) {
    await using draft = await store.draft(Readable.from([Buffer.from("a")]), { mostBytes: 1 });
    await draft.keepAs(name, "image/png; charset=utf-8");
    (await store.open(name, { from: 3, to: 7 }))?.resume();
    await store.size(name).catch(() => "has no length here");
    await store.delete(name);
  }
  expect(requests).toHaveLength(1 + 4 * NAMES.length);
  for (const { method = "", url = "", headers } of requests) {
    const signed = await signer.sign(
      {
        ...toParts(new URL(url, `http://${headers.host}`)),
        method,
        headers: pick(headers, ["host", "x-amz-content-sha256", "content-type", "range"]),
      },
      { signingDate: toDate(headers["x-amz-date"]), unsignableHeaders: UNSIGNED },
    );
    expect(headers.authorization).toBe(signed.headers["authorization"]);
    expect(headers["x-amz-security-token"]).toBe(signed.headers["x-amz-security-token"]);
    expect(headers["x-amz-content-sha256"]).toBe("UNSIGNED-PAYLOAD");
  }

  const contentType = "image/svg+xml; charset=utf-8";
  const contentDisposition = `attachment; filename="a b+c*'(~!)é%.png"`;
  for (const name of NAMES) {
    const options = { expiresInSeconds: 3_600, contentType, contentDisposition };
    const url = new URL((await store.presign?.(name, options)) ?? "");
    const expected = await signer.presign(
      {
        ...toParts(new URL(`${endpoint}/my.bucket-1/some/pre-fix_1.0/db1/${name}`)),
        method: "GET",
        query: {
          "response-content-type": contentType,
          "response-content-disposition": contentDisposition,
        },
        headers: { host: url.host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
      },
      {
        expiresIn: 3_600,
        signingDate: toDate(url.searchParams.get("X-Amz-Date")),
        // AWS' own code repeats it in the query, though S3 takes it for granted there.
        unhoistableHeaders: new Set(["x-amz-content-sha256"]),
        unsignableHeaders: new Set(["x-amz-content-sha256"]),
      },
    );
    expect(Object.fromEntries(url.searchParams)).toEqual(expected.query);
    expect(url.pathname).toBe(expected.path);
    expect(url.search).not.toContain("+");
  }
});

function toParts({ protocol, hostname, port, pathname, searchParams }: URL) {
  const query = Object.fromEntries(searchParams);
  return { protocol, hostname, port: Number(port), path: pathname, query };
}

function pick(headers: IncomingMessage["headers"], names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, String(headers[name] ?? "")]));
}

/** Of 20260102T030405Z. */
function toDate(text: unknown): Date {
  return new Date(
    String(text).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"),
  );
}
