const QUESTION = '{"query":"{__typename}"}';
const HIDDEN = "GET /health?hidden HTTP/1.1\r\nHost: x\r\n\r\n";
const POST = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

const CLOSE = "Connection: close\r\n";
const LAST = `Host: localhost\r\n${CLOSE}`;

/** Requests of which two readers could see different ends. All are refused, and nothing behind them is read. */
export const AMBIGUOUS: readonly (readonly [string, string])[] = Object.entries({
  "a length and chunks": `${POST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "two lengths": `${POST}Content-Length: 24\r\nContent-Length: 0\r\n\r\n${QUESTION}${HIDDEN}`,
  "a negative length": `${POST}Content-Length: -1\r\n\r\n${HIDDEN}`,
  "a space before the length's colon": `${POST}Content-Length : 24\r\n\r\n${QUESTION}${HIDDEN}`,
  "an unknown transfer coding": `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "chunked not as the last coding": `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "a bare line feed that hides a header": `${POST}X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "a NUL in a header": `${POST}X: a\0b\r\nContent-Length: 0\r\n\r\n${HIDDEN}`,
  "a chunk of negative size": `${POST}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n${HIDDEN}`,
  "a chunk size beyond 64 bits": `${POST}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n${HIDDEN}`,
  "a chunk longer than its size": `${POST}Transfer-Encoding: chunked\r\n\r\n2\r\n${QUESTION}\r\n0\r\n\r\n${HIDDEN}`,
  "an extension without end": `${POST}Transfer-Encoding: chunked\r\n\r\n18;${"a".repeat(20_000)}\r\n${QUESTION}\r\n0\r\n\r\n${HIDDEN}`,
  "a list of lengths": `${POST}Content-Length: 3, 3\r\n\r\n${HIDDEN}`,
  "a signed length": `${POST}Content-Length: +24\r\n\r\n${QUESTION}${HIDDEN}`,
  "a length in hexadecimal": `${POST}Content-Length: 0x18\r\n\r\n${QUESTION}${HIDDEN}`,
  "a folded header": `${POST}X: a\r\n b\r\n\r\n${HIDDEN}`,
  "a bare CR in a header": `${POST}X: a\rb\r\n\r\n${HIDDEN}`,
  "two credentials": `GET /health HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n${HIDDEN}`,
  "no host": `GET /health HTTP/1.1\r\n\r\n${HIDDEN}`,
  "two hosts": `GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${HIDDEN}`,
});

/** What is no request of GraphQL, or hardly one, and the status that it gets. */
export const UNUSUAL: readonly (readonly [string, string, number])[] = [
  ["CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 405],
  ["TRACE", `TRACE /graphql HTTP/1.1\r\n${LAST}Authorization: Bearer canary\r\n\r\n`, 405],
  ["PUT", `PUT /graphql HTTP/1.1\r\n${LAST}\r\n`, 405],
  ["HEAD", `HEAD /graphql?query={__typename} HTTP/1.1\r\n${LAST}\r\n`, 405],
  ["an unknown method", `STEAL /graphql HTTP/1.1\r\n${LAST}\r\n`, 400],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  ["HTTP/0.9", "GET /graphql\r\n\r\n", 400],
  ["an unknown version", `GET /health HTTP/9.9\r\n${LAST}\r\n`, 400],
  ["a TLS greeting", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 400],
  ["a path that climbs", `GET /../../../../etc/passwd HTTP/1.1\r\n${LAST}\r\n`, 404],
  ["a URL of another host", `GET http://169.254.169.254/latest HTTP/1.1\r\n${LAST}\r\n`, 404],
  ["an asterisk", `OPTIONS * HTTP/1.1\r\n${LAST}\r\n`, 404],
  ...["a b", "[::", "x/y", "x:99999", "user@x"].map((host) => {
    const bytes = `GET /health HTTP/1.1\r\n${LAST.replace("localhost", host)}\r\n`;
    return [`the host ${host}`, bytes, 400] as const;
  }),
  ["an unknown expectation", `${POST}Expect: the-worst\r\n${CLOSE}Content-Length: 0\r\n\r\n`, 417],
  ["a packed body", `${POST}Content-Encoding: gzip\r\n${CLOSE}Content-Length: 0\r\n\r\n`, 415],
  ["a header of 40 KB", `GET /graphql HTTP/1.1\r\n${LAST}X: ${"a".repeat(40_000)}\r\n\r\n`, 431],
  ["5,000 headers", `GET /graphql HTTP/1.1\r\n${LAST}${"a:b\r\n".repeat(5_000)}\r\n`, 431],
  ["a URL of 40 KB", `GET /graphql?query=${"a".repeat(40_000)} HTTP/1.1\r\n${LAST}\r\n`, 431],
];

/** Bodies that are no question, or a strange one. */
export const BODIES: readonly (readonly [string, string | Buffer])[] = Object.entries({
  "malformed JSON": '{"query":',
  "an empty body": "",
  null: "null",
  "a batch": `[${QUESTION},${QUESTION}]`,
  "a batch of 5,000": `[${`${QUESTION},`.repeat(5_000)}${QUESTION}]`,
  "a query that is an object": '{"query":{"toString":"x"}}',
  "variables that are a text": '{"query":"{__typename}","variables":"x"}',
  "extensions that are a number": '{"query":"{__typename}","extensions":7}',
  "an operation name that is an object": '{"query":"{__typename}","operationName":{}}',
  "an unknown member": '{"query":"{__typename}","__proto__":{"query":"x"},"x":1}',
  "JSON of 50,000 levels": `{"query":"{__typename}","variables":{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}}`,
  "invalid UTF-8": Buffer.from('{"query":"{ job(id: \\"\xff\xfe\xc0\x80\\") { id } }"}', "latin1"),
  "an escaped NUL": '{"query":"{ job(id: \\"a\\u0000b\\") { id } }"}',
  "a number beyond all bounds":
    '{"query":"query ($n: Int) { jobs(first: $n) { totalCount } }","variables":{"n":1e400}}',
  "100,000 elements": `{"query":"query ($n: JobFilter) { jobs(filter: $n) { totalCount } }","variables":{"n":{"status":[${"1,".repeat(100_000)}1]}}}`,
  "UTF-16": Buffer.from(QUESTION, "utf16le"),
  "one byte too many": `{"query":"{__typename}","x":"${"x".repeat(256 * 1024)}"}`,
});

/** A request with this body, the last one on its connection; more headers end their lines. */
export function toRequest(body: string | Buffer, headers = ""): Buffer {
  const length = Buffer.byteLength(body);
  const head = `${POST}${headers}Content-Length: ${length}\r\nConnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}
