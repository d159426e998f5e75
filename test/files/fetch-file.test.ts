import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Server, Socket } from "node:net";
import { createServer, getDefaultAutoSelectFamily, setDefaultAutoSelectFamily } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { getCACertificates, setDefaultCACertificates } from "node:tls";

import { expect, onTestFinished, test } from "vitest";

import { createFetchFile } from "../../src/files/fetch-file.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const { signal } = new AbortController();

/** Listens on the loopback for the time of a test, and counts its connections. */
async function listen(server: Server) {
  const open = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections += 1;
    open.add(socket);
    socket.on("error", () => undefined).on("close", () => open.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No TCP address.");
  const { port } = address;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    connections: () => connections,
    /** Resolves when nobody is connected any more. */
    empty: () => expect.poll(() => open.size).toBe(0),
  };
}

/** Answers each request, of which it gets the head, with bytes of its own making. */
async function serveRaw(answer: (socket: Socket, head: string) => void) {
  return await listen(
    createServer((socket) => {
      socket.once("data", (head: Buffer) => answer(socket, head.toString("latin1")));
    }),
  );
}

async function serve(answer: RequestListener) {
  return await listen(createHttpServer(answer));
}

/** Fetches a file to its end from a server that is trusted. */
async function fetchFrom(
  origin: string,
  options: Partial<Parameters<typeof createFetchFile>[0]> = {},
) {
  const fetchFile = createFetchFile({ trustedOrigins: [origin], ...options });
  const { stream, declaredBytes } = await fetchFile(`${origin}/file.png?a=b`, { signal });
  return { body: await text(stream), declaredBytes };
}

/** Expects it to fail with a sentence that anybody may read. */
async function expectFailure(
  fetching: Promise<unknown>,
  { isLasting, message = /./ }: { readonly isLasting: boolean; readonly message?: RegExp },
): Promise<void> {
  const error = await fetching.catch((error: unknown) => error);
  expect(error).toMatchObject({
    name: "FetchFileError",
    isLasting,
    message: expect.stringMatching(message),
  });
  expect(error).toMatchObject({ message: expect.not.stringMatching(/:\/\/|\d+\.\d+\.|localhost/) });
  expect(error).not.toHaveProperty("cause");
}

test("a file of a trusted origin comes whole, and its server learns nothing of the gateway", async () => {
  const requests: unknown[] = [];
  const { port, origin, empty } = await serve((request, response) => {
    requests.push([request.url, request.headers]);
    response.end("a picture");
  });
  const fetchFile = createFetchFile({ trustedOrigins: [origin] });
  const url = `http://user:secret@127.0.0.1:${port}/a%20b.png?c=d#e`;
  const { stream, declaredBytes } = await fetchFile(url, { signal });
  expect(declaredBytes).toBe(9);
  expect(await text(stream)).toBe("a picture");
  expect(requests).toEqual([
    [
      "/a%20b.png?c=d",
      {
        host: `127.0.0.1:${port}`,
        connection: "close",
        accept: "*/*",
        "accept-encoding": "identity",
        "user-agent": "runcomfy-graphql",
      },
    ],
  ]);
  await empty();
});

test("a file of no declared size comes to its end", async () => {
  const { origin } = await serve((_request, response) => {
    response.write("a ");
    response.end("picture");
  });
  expect(await fetchFrom(origin)).toEqual({ body: "a picture", declaredBytes: null });
});

test("a large file comes whole to a slow reader, whose time does not count", async () => {
  const block = Buffer.alloc(1_000_000, "x");
  const { origin } = await serve((_request, response) => {
    for (let blocks = 0; blocks < 5; blocks += 1) response.write(block);
    response.end();
  });
  let clockMs = 0;
  const fetchFile = createFetchFile({ trustedOrigins: [origin], monotonic: () => clockMs });
  const { stream } = await fetchFile(origin, { signal });
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    clockMs += 3_600_000;
  }
  expect(bytes).toBe(5_000_000);
});

test("a URL that is not https, or of an address that is not public, is not asked", async () => {
  const { origin, port, connections } = await serve((_request, response) => response.end("secret"));
  const fetchFile = createFetchFile({ trustedOrigins: ["http://127.0.0.1:1"] });
  for (const url of [
    origin,
    `https://127.0.0.1:${port}`,
    `https://2130706433:${port}`,
    `https://0x7f.1:${port}`,
    `https://[::1]:${port}`,
    `https://[::ffff:127.0.0.1]:${port}`,
    `https://user@127.0.0.1:${port}`,
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://[fe80::1]/",
    "http://127.0.0.1:1@127.0.0.1/",
    "blob:http://127.0.0.1:1/file",
    "file:///etc/passwd",
    "data:text/plain,secret",
    "ftp://example.com/",
    "https://",
    "",
  ]) {
    await expectFailure(fetchFile(url, { signal }), { isLasting: true });
  }
  expect(connections()).toBe(0);
});

test("a name that leads to a private address is not asked", async () => {
  const { port, connections } = await serve((_request, response) => response.end("secret"));
  const fetchFile = createFetchFile({ trustedOrigins: [`http://localhost:${port}`] });
  await expectFailure(fetchFile(`https://localhost:${port}`, { signal }), { isLasting: true });
  expect(connections()).toBe(0);
});

test("a name that nobody knows may be known later", async () => {
  const fetchFile = createFetchFile({ trustedOrigins: [] });
  const fetching = fetchFile("https://nobody.invalid/file.png", { signal });
  await expectFailure(fetching, { isLasting: false, message: /\(E[A-Z_]+\)/ });
});

/** A server whose certificate is its own, and how to have it believed. */
async function serveByHttps(answer: RequestListener) {
  const folder = await createTemporaryFolder();
  const [keyPath, certificatePath] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const files = ["-keyout", keyPath, "-out", certificatePath];
  execFileSync("openssl", ["req", "-x509", ...key, ...subject, ...files], { stdio: "ignore" });
  const cert = readFileSync(certificatePath);
  const { port, ...rest } = await listen(
    createHttpsServer({ key: readFileSync(keyPath), cert }, answer),
  );
  return {
    ...rest,
    url: `https://localhost:${port}`,
    believe() {
      const believed = getCACertificates();
      onTestFinished(() => setDefaultCACertificates(believed));
      setDefaultCACertificates([...believed, cert.toString()]);
    },
  };
}

test.for([true, false])(
  "a name is asked at its public addresses only (family chosen by attempts: %s)",
  async (isByAttempts) => {
    const before = getDefaultAutoSelectFamily();
    onTestFinished(() => setDefaultAutoSelectFamily(before));
    setDefaultAutoSelectFamily(isByAttempts);
    const { url, connections, believe } = await serveByHttps((_request, response) => {
      response.end("a picture");
    });
    believe();
    const checked: string[] = [];
    const isPublic = (address: string) => {
      checked.push(address);
      return address === "127.0.0.1";
    };
    const { stream } = await createFetchFile({ trustedOrigins: [], isPublic })(url, { signal });
    expect(await text(stream)).toBe("a picture");
    expect(checked).toContain("127.0.0.1");
    expect(connections()).toBe(1);
  },
);

test("a server with a certificate that nobody vouches for is not believed", async () => {
  const { url, empty } = await serveByHttps((_request, response) => response.end("a picture"));
  const fetching = createFetchFile({ trustedOrigins: [url] })(url, { signal });
  await expectFailure(fetching, { isLasting: false, message: /\(DEPTH_ZERO_SELF_SIGNED_CERT\)/ });
  await empty();
});

test.for([301, 302, 303, 307, 308])("up to three redirects are followed (%s)", async (status) => {
  const urls: unknown[] = [];
  const { origin, empty } = await serve(({ url }, response) => {
    urls.push(url);
    const location = ["b", "/c", `${origin}/d`][urls.length - 1];
    if (location === undefined) response.end("a picture");
    else response.writeHead(status, { location }).end("elsewhere");
  });
  expect(await fetchFrom(origin)).toEqual({ body: "a picture", declaredBytes: 9 });
  expect(urls).toEqual(["/file.png?a=b", "/b", "/c", "/d"]);
  await empty();
});

test("a circle of redirects is left", async () => {
  const { origin, connections, empty } = await serve(({ url }, response) => {
    response.writeHead(302, { location: url }).end();
  });
  await expectFailure(fetchFrom(origin), { isLasting: true, message: /more than 3 times/ });
  expect(connections()).toBe(4);
  await empty();
});

test("a redirect is checked like a URL that somebody gives", async () => {
  const inside = await serve((_request, response) => response.end("secret"));
  for (const location of [
    inside.origin,
    `//127.0.0.1:${inside.port}/`,
    `https://127.0.0.1:${inside.port}/`,
    `https://localhost:${inside.port}/`,
    "http://169.254.169.254/latest/meta-data",
    "https://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "https://",
  ]) {
    const { origin, empty } = await serve((_request, response) => {
      response.writeHead(302, { location }).write("a body that does not end");
    });
    await expectFailure(fetchFrom(origin), { isLasting: true });
    await empty();
  }
  expect(inside.connections()).toBe(0);
});

test.for([204, 206, 302, 304, 400, 401, 403, 404, 410, 429, 500, 503])(
  "a file that is answered with %s may come later",
  async (status) => {
    const { origin, empty } = await serve((_request, response) => {
      response.writeHead(status).end();
    });
    await expectFailure(fetchFrom(origin), { isLasting: false, message: RegExp(`${status}`) });
    await empty();
  },
);

test("a file that is packed is refused, as nobody asked for that", async () => {
  const { origin, empty } = await serve((_request, response) => {
    response.setHeader("content-encoding", "gzip").write("packed");
  });
  await expectFailure(fetchFrom(origin), { isLasting: false, message: /not asked for/ });
  await empty();
});

test.for([
  ["that is shorter than declared", "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\na picture"],
  ["that is longer than declared", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na picture"],
  ["without its last chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\na \r\n"],
  ["in a broken chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\na \r\n"],
  ["of two sizes", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ncontent-length: 8\r\n\r\na picture"],
  ["in another protocol", "HTTP/1.1 101 Hello\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"],
  ["that is no answer", "SSH-2.0-OpenSSH_9.9\r\n"],
  ["that is empty", ""],
] as const)("a file %s is none", async ([, answer]) => {
  const { origin, empty } = await serveRaw((socket) => socket.end(answer, "latin1"));
  await expectFailure(fetchFrom(origin), { isLasting: false, message: /connection .* failed/ });
  await empty();
});

test("a file whose connection is reset half-way is none", async () => {
  const { origin } = await serveRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\na picture", () => {
      socket.resetAndDestroy();
    });
  });
  await expectFailure(fetchFrom(origin), { isLasting: false, message: /failed/ });
});

test("nobody listens where a file should be", async () => {
  const server = createServer();
  const { origin } = await listen(server);
  server.close();
  await once(server, "close");
  await expectFailure(fetchFrom(origin), { isLasting: false, message: /\(ECONNREFUSED\)/ });
});

test.for([
  ["never answers", ""],
  ["never ends its head", "HTTP/1.1 200 OK\r\nx: "],
  ["only says that it will answer", "HTTP/1.1 103 Early Hints\r\n\r\n"],
  ["stops half-way", "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\na picture"],
] as const)("a server that %s is left", async ([, answer]) => {
  const { origin, empty } = await serveRaw((socket) => socket.write(answer));
  const fetching = fetchFrom(origin, { silenceMs: 100 });
  await expectFailure(fetching, { isLasting: false, message: /too slow/ });
  await empty();
});

test("a server whose head drips is left", async () => {
  const { origin, empty } = await serveRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nx: ");
    const dripping = setInterval(() => socket.write("x"), 10);
    socket.on("close", () => clearInterval(dripping));
  });
  const fetching = fetchFrom(origin, { silenceMs: 200 });
  await expectFailure(fetching, { isLasting: false, message: /too slow/ });
  await empty();
});

test("a server whose file drips is left after a minute", async () => {
  const { origin, empty } = await serveRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    const dripping = setInterval(() => socket.write("x"), 5);
    socket.on("close", () => clearInterval(dripping));
  });
  let clockMs = 0;
  const fetchFile = createFetchFile({
    trustedOrigins: [origin],
    monotonic: () => (clockMs += 5_000),
  });
  const { stream } = await fetchFile(origin, { signal });
  let chunks = 0;
  const reading = async () => {
    for await (const chunk of stream) chunks += Math.min(1, chunk.byteLength);
  };
  await expectFailure(reading(), { isLasting: false, message: /too slow/ });
  expect(chunks).toBeGreaterThanOrEqual(12);
  await empty();
});

test("a reader that leaves early closes the connection", async () => {
  const { origin, empty } = await serve((_request, response) => response.write("a picture"));
  const { stream } = await createFetchFile({ trustedOrigins: [origin] })(origin, { signal });
  for await (const chunk of stream) {
    expect(chunk.byteLength).toBe(9);
    break;
  }
  await empty();
});

test("a file that nobody begins to read closes its connection", async () => {
  const { origin, empty } = await serve((_request, response) => response.write("a picture"));
  const fetchFile = createFetchFile({ trustedOrigins: [origin], silenceMs: 1_000 });
  const { stream } = await fetchFile(origin, { signal });
  await empty();
  await expectFailure(text(stream), { isLasting: false });
});

test("an abort ends a fetch at once, wherever it is", async () => {
  const asked = Promise.withResolvers<void>();
  const { origin, empty, connections } = await serve(({ url }, response) => {
    if (url === "/body") response.write("a picture");
    else asked.resolve();
  });
  const fetchFile = createFetchFile({ trustedOrigins: [origin] });

  const early = { signal: AbortSignal.abort("early") };
  await expect(fetchFile(origin, early)).rejects.toBe("early");
  expect(connections()).toBe(0);

  const waiting = new AbortController();
  const unanswered = expect(fetchFile(origin, waiting)).rejects.toBe("waiting");
  await asked.promise;
  waiting.abort("waiting");
  await unanswered;
  await empty();

  const unread = new AbortController();
  const file = await fetchFile(`${origin}/body`, unread);
  unread.abort("unread");
  await empty();
  await expect(text(file.stream)).rejects.toBe("unread");

  const reading = new AbortController();
  const { stream } = await fetchFile(`${origin}/body`, reading);
  const read = async () => {
    for await (const chunk of stream) {
      expect(chunk.byteLength).toBe(9);
      setImmediate(() => reading.abort("reading"));
    }
  };
  await expect(read()).rejects.toBe("reading");
  await empty();
});
