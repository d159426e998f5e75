import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import {
  createServer,
  getDefaultAutoSelectFamily,
  setDefaultAutoSelectFamily,
  type Socket,
} from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { getCACertificates, setDefaultCACertificates } from "node:tls";

import { afterEach, expect, onTestFinished, test, vi } from "vitest";

import { createFetchFile } from "../../src/engine/files/fetch-file.ts";
import { clock } from "../../src/runtime/environment.ts";
import { listen } from "../support/listen.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const { signal } = new AbortController();
const OPTIONS = { signal, mostBytes: 10_000_000 };
const HEAD = "HTTP/1.1 200 OK\r\n";

afterEach(() => void vi.restoreAllMocks());

const serve = (answer: RequestListener) => listen(createHttpServer(answer));

/** Answers each request, of which it gets the head, with bytes of its own making. */
function serveRaw(answer: (socket: Socket, head: string) => void) {
  const server = createServer((socket) => {
    socket.once("data", (head: Buffer) => answer(socket, head.toString("latin1")));
  });
  return listen(server);
}

/** Fetches a file from a server that is trusted. */
function fetchFrom(
  origin: string,
  options: Partial<Parameters<typeof createFetchFile>[0]> & { readonly mostBytes?: number } = {},
) {
  const fetchFile = createFetchFile({ trustedOrigins: [origin], ...options });
  return fetchFile(`${origin}/file.png?a=b`, { ...OPTIONS, ...options });
}

/** Expects it to fail for now, or for ever, with a sentence that anybody may read. */
async function expectFailure(
  fetching: AsyncIterable<Uint8Array>,
  message: RegExp,
  isLasting = false,
): Promise<void> {
  const error = await text(fetching).catch((error: unknown) => error);
  expect(error).toMatchObject({ name: "FetchFileError", isLasting });
  expect(error).toHaveProperty("message", expect.stringMatching(message));
  expect(error).toHaveProperty("message", expect.not.stringMatching(/:\/\/|\d+\.\d+\.|localhost/));
  expect(error).not.toHaveProperty("cause");
}

test("a file of a trusted origin comes whole, and its server learns nothing of the gateway", async () => {
  const requests: unknown[] = [];
  const { port, origin, empty } = await serve((request, response) => {
    requests.push([request.url, request.headers]);
    response.write("a ");
    response.end("picture");
  });
  const fetchFile = createFetchFile({ trustedOrigins: [origin] });
  const url = `http://user:secret@127.0.0.1:${port}/a%20b.png?c=d#e`;
  expect(await text(fetchFile(url, OPTIONS))).toBe("a picture");
  const headers = {
    host: `127.0.0.1:${port}`,
    connection: "close",
    accept: "*/*",
    "accept-encoding": "identity",
    "user-agent": "runcomfy-graphql",
  };
  expect(requests).toEqual([["/a%20b.png?c=d", headers]]);
  await empty();
});

test("a large file comes whole to a slow reader, whose time does not count", async () => {
  const { origin } = await serve((_request, response) => response.end(Buffer.alloc(5_000_000)));
  let clockMs = 0;
  let bytes = 0;
  vi.spyOn(clock, "monotonic").mockImplementation(() => clockMs);
  for await (const chunk of fetchFrom(origin)) {
    bytes += chunk.byteLength;
    clockMs += 3_600_000;
  }
  expect(bytes).toBe(5_000_000);
});

test("a file that is declared to be too large is not read", async () => {
  const { origin, empty } = await serve((_request, response) => response.end("a picture"));
  expect(await text(fetchFrom(origin, { mostBytes: 9 }))).toBe("a picture");
  const fetching = text(fetchFrom(origin, { mostBytes: 8 }));
  await expect(fetching).rejects.toMatchObject({ name: "FileTooLargeError", mostBytes: 8 });
  await empty();
});

test("a URL that is not https, or leads to an address that is not public, is not asked", async () => {
  const { origin, port, connections } = await serve((_request, response) => response.end("secret"));
  const fetchFile = createFetchFile({ trustedOrigins: ["http://127.0.0.1:1"] });
  const hosts =
    "127.0.0.1 localhost 2130706433 0x7f.1 [::1] [::ffff:127.0.0.1] user@127.0.0.1 10.0.0.1 [fe80::1]";
  const others =
    "http://127.0.0.1:1@127.0.0.1/ blob:http://127.0.0.1:1/file file:///etc/passwd data:text/plain,a ftp://example.com/ https://";
  const urls = hosts.split(" ").map((host) => `https://${host}:${port}`);
  for (const url of [origin, ...urls, ...others.split(" "), ""])
    await expectFailure(fetchFile(url, OPTIONS), /no public host/, true);
  expect(connections()).toBe(0);
});

/** Makes a key and a certificate of localhost that only itself vouches for. */
async function createCertificate() {
  const folder = await createTemporaryFolder();
  const [keyPath, certificatePath] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const files = ["-keyout", keyPath, "-out", certificatePath];
  execFileSync("openssl", ["req", "-x509", ...key, ...subject, ...files], { stdio: "ignore" });
  return { key: readFileSync(keyPath), cert: readFileSync(certificatePath, "utf8") };
}

test("a name is asked at its public addresses only, and by a certificate that somebody vouches for", async () => {
  const certificate = await createCertificate();
  const server = createHttpsServer(certificate, (_request, response) => response.end("a picture"));
  const { port, connections, empty } = await listen(server);
  const url = `https://localhost:${port}`;
  const unknown = createFetchFile({ trustedOrigins: [url] })(url, OPTIONS);
  await expectFailure(unknown, /\(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
  const believed = getCACertificates();
  onTestFinished(() => setDefaultCACertificates(believed));
  setDefaultCACertificates([...believed, certificate.cert]);
  const isByAttempts = getDefaultAutoSelectFamily();
  onTestFinished(() => setDefaultAutoSelectFamily(isByAttempts));
  setDefaultAutoSelectFamily(false);
  const checked: string[] = [];
  const isPublic = (address: string) => checked.push(address) > 0 && address === "127.0.0.1";
  const fetchFile = createFetchFile({ trustedOrigins: [], isPublic });
  expect(await text(fetchFile(url, OPTIONS))).toBe("a picture");
  expect(checked).toContain("127.0.0.1");
  expect(connections()).toBe(2);
  await empty();
});

test("up to three redirects are followed, and a circle is left", async () => {
  const statuses = [301, 302, 303, 307, 308, 301];
  const urls: unknown[] = [];
  const { origin, empty } = await serve(({ url }, response) => {
    urls.push(url);
    const location = ["b", "/c", `${origin}/d`, null][(urls.length - 1) % 4];
    if (location === null) response.end("a picture");
    else response.writeHead(statuses.shift() ?? 0, { location }).end("elsewhere");
  });
  for (let round = 0; round < 2; round += 1)
    expect(await text(fetchFrom(origin))).toBe("a picture");
  expect(urls.slice(4)).toEqual(["/file.png?a=b", "/b", "/c", "/d"]);
  await empty();
  const circle = await serve(({ url }, response) => {
    response.writeHead(302, { location: url }).end();
  });
  await expectFailure(fetchFrom(circle.origin), /more than 3 times/, true);
  expect(circle.connections()).toBe(4);
});

test("a redirect is checked like a URL that somebody gives", async () => {
  const inside = await serve((_request, response) => response.end("secret"));
  let location = "";
  const { origin, empty } = await serve((_request, response) => {
    response.writeHead(302, { location }).write("a body that does not end");
  });
  for (location of [
    inside.origin,
    `//127.0.0.1:${inside.port}/`,
    `https://127.0.0.1:${inside.port}/`,
    `https://localhost:${inside.port}/`,
    "http://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "https://",
  ])
    await expectFailure(fetchFrom(origin), /no public host/, true);
  await empty();
  expect(inside.connections()).toBe(0);
});

test("a file that is answered with anything but 200, or packed, may come later", async () => {
  let status = 0;
  const { origin, empty } = await serve((_request, response) => response.writeHead(status).end());
  for (status of [204, 206, 302, 304, 404, 410, 429, 500])
    await expectFailure(fetchFrom(origin), RegExp(`${status}`));
  await empty();
  const packing = await serve((_request, response) => {
    response.setHeader("content-encoding", "gzip").write("packed");
  });
  await expectFailure(fetchFrom(packing.origin), /not asked for/);
  await packing.empty();
});

test.for([
  ["that is shorter than declared", `${HEAD}content-length: 50\r\n\r\na picture`],
  ["without its last chunk", `${HEAD}transfer-encoding: chunked\r\n\r\n2\r\na \r\n`],
  ["in another protocol", "HTTP/1.1 101 Hello\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"],
  ["that is no answer", "SSH-2.0-OpenSSH_9.9\r\n"],
  ["that is empty", ""],
] as const)("a file %s is none", async ([, answer]) => {
  const { origin, empty } = await serveRaw((socket) => socket.end(answer, "latin1"));
  await expectFailure(fetchFrom(origin), /connection .* failed/);
  await empty();
});

test("a file whose connection is reset half-way may come later, as where nobody listens or the name is unknown", async () => {
  const { origin } = await serveRaw((socket) => {
    const half = `${HEAD}content-length: 50\r\n\r\na picture`;
    socket.write(half, () => socket.resetAndDestroy());
  });
  await expectFailure(fetchFrom(origin), /failed/);
  const server = createServer();
  const gone = await listen(server);
  await once(server.close(), "close");
  await expectFailure(fetchFrom(gone.origin), /\(ECONNREFUSED\)/);
  await expectFailure(fetchFrom("https://nobody.invalid"), /\(E[A-Z_]+\)/);
});

const drip = (socket: Socket) => {
  const dripping = setInterval(() => socket.write("x"), 5);
  socket.on("close", () => clearInterval(dripping));
};

test.for([
  ["never answers", "", null],
  ["only says that it will answer", "HTTP/1.1 103 Early Hints\r\n\r\n", null],
  ["never ends its head, which drips", `${HEAD}x: `, drip],
  ["stops half-way", `${HEAD}content-length: 50\r\n\r\na picture`, null],
] as const)("a server that %s is left", async ([, answer, then]) => {
  const { origin, empty } = await serveRaw((socket) => {
    socket.write(answer);
    then?.(socket);
  });
  await expectFailure(fetchFrom(origin, { silenceMs: 100 }), /too slow/);
  await empty();
});

test("a server whose file drips is left after a minute", async () => {
  const { origin, empty } = await serveRaw((socket) => {
    socket.write(`${HEAD}\r\n`);
    drip(socket);
  });
  let clockMs = 0;
  let chunks = 0;
  vi.spyOn(clock, "monotonic").mockImplementation(() => (clockMs += 5_000));
  async function* count() {
    for await (const chunk of fetchFrom(origin)) {
      chunks += 1;
      yield chunk;
    }
  }
  await expectFailure(count(), /too slow/);
  expect(chunks).toBeGreaterThanOrEqual(12);
  await empty();
});

test("a reader that leaves early closes the connection", async () => {
  const { origin, empty } = await serve((_request, response) => response.write("a picture"));
  for await (const chunk of fetchFrom(origin)) {
    expect(chunk.byteLength).toBe(9);
    break;
  }
  await empty();
});

test("an abort ends a fetch at once, wherever it is", async () => {
  let abort = new AbortController();
  const { origin, empty, connections } = await serve(({ url }, response) => {
    if (url === "/body") response.write("a picture");
    else abort.abort("unanswered");
  });
  const fetchFile = createFetchFile({ trustedOrigins: [origin] });
  const fetchPath = (path: string) =>
    fetchFile(`${origin}${path}`, { ...OPTIONS, signal: abort.signal });

  abort.abort("early");
  await expect(text(fetchPath("/"))).rejects.toBe("early");
  expect(connections()).toBe(0);

  abort = new AbortController();
  await expect(text(fetchPath("/"))).rejects.toBe("unanswered");
  await empty();

  abort = new AbortController();
  const read = async () => {
    for await (const chunk of fetchPath("/body")) {
      expect(chunk.byteLength).toBe(9);
      setImmediate(() => abort.abort("reading"));
    }
  };
  await expect(read()).rejects.toBe("reading");
  await empty();
});
