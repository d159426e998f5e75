import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";

import protobuf from "protobufjs";
import { onTestFinished } from "vitest";
import { z } from "zod";

import { listenOnLoopback } from "../../support/listen-on-loopback.ts";

/** What is read here of opentelemetry-proto's `trace_service.proto`, `trace.proto` and `common.proto`. */
const REQUEST = protobuf
  .parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1;
    bytes span_id = 2;
    bytes parent_span_id = 4;
    string name = 5;
    int32 kind = 6;
    repeated KeyValue attributes = 9;
    Status status = 15;
  }
  message Status { int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`)
  .root.lookupType("Request");

const HEX = z.instanceof(Buffer).transform((bytes) => bytes.toString("hex"));
const ATTRIBUTES = z
  .array(z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) }))
  .transform((list) =>
    Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]])),
  );
const SPAN = z.object({
  traceId: HEX,
  spanId: HEX,
  parentSpanId: HEX,
  name: z.string(),
  kind: z.number(),
  attributes: ATTRIBUTES,
  status: z.object({ code: z.number() }).nullable(),
});
const SCOPE_SPANS = z.object({ spans: z.array(SPAN) });
const RESOURCE_SPANS = z.object({
  resource: z.object({ attributes: ATTRIBUTES }),
  scopeSpans: z.array(SCOPE_SPANS),
});
const REQUEST_OF_SPANS = z.object({ resourceSpans: z.array(RESOURCE_SPANS) });

type CollectedSpan = z.infer<typeof SPAN> & { readonly resource: z.infer<typeof ATTRIBUTES> };

/** A collector of traces by OTLP over HTTP, until the test ends; it refuses them while its status is no 200. */
export async function startCollector() {
  const spans: CollectedSpan[] = [];
  const bodies: Buffer[] = [];
  const headers: IncomingHttpHeaders[] = [];
  let status = 200;
  let isSilent = false;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    bodies.push(body);
    headers.push(request.headers);
    const isMeant = request.method === "POST" && request.url === "/v1/traces";
    if (isMeant && status === 200) spans.push(...decode(body));
    if (isSilent) return;
    response.writeHead(isMeant ? status : 404, { "content-type": "application/x-protobuf" }).end();
  });
  const port = await listenOnLoopback(server);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    headers,
    /** All that has come, as it came. */
    text: () => Buffer.concat(bodies).toString("latin1"),
    answerWith: (code: number) => void (status = code),
    fallSilent: () => void (isSilent = true),
  };
}

function decode(body: Buffer): readonly CollectedSpan[] {
  const decoded = REQUEST.toObject(REQUEST.decode(body), {
    longs: Number,
    arrays: true,
    defaults: true,
    oneofs: false,
  });
  return REQUEST_OF_SPANS.parse(decoded).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({ ...span, resource: resource.attributes })),
    ),
  );
}
