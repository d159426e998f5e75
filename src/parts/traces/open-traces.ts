import { AsyncLocalStorage } from "node:async_hooks";

import type {
  Attributes,
  Context,
  Span,
  SpanContext,
  SpanOptions,
  Tracer,
} from "@opentelemetry/api";
import {
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import type { Sampler, SpanExporter } from "@opentelemetry/sdk-trace";
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";

import { codeOf, SetupError } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import type { Channels, OperationMessage, Traced } from "../../engine/diagnostics/channels.ts";
import { createSubscriptions } from "../../engine/diagnostics/channels.ts";
import type { Job } from "../../engine/job/job.ts";
import { isFinished } from "../../engine/job/job.ts";
import { RunComfyError } from "../../engine/runcomfy/runcomfy-error.ts";
import type { Jobs } from "../../engine/store/job-store.ts";
import type { Observed, OpenPart } from "../../part.ts";
import type { TraceSettings } from "./settings.ts";

const SERVICE = "runcomfy-graphql";
/** How long a stop waits for the last spans to leave, once all else is closed. */
const FLUSH_MS = 500;
const PACKAGES =
  "@opentelemetry/sdk-trace @opentelemetry/exporter-trace-otlp-proto @opentelemetry/resources";

/**
 * Makes traces and sends them to a collector, from at most 2,048 spans that wait for it. The OTEL_ variables that are none
 * of the gateway's settings are read by OpenTelemetry's packages. Rejects with a `SetupError`.
 */
export async function openTraces(
  { version, channels, engine, log }: Observed,
  settings: TraceSettings,
): Promise<OpenPart> {
  const [sdk, { OTLPTraceExporter }, resources] = await loadPackages();
  const endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT ?? "";
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, "")}/v1/traces` });
  const own = { "service.name": SERVICE, "service.version": version };
  const detectors = [
    resources.serviceInstanceIdDetector,
    resources.resourceAttributesEnvDetector,
    resources.serviceNameEnvDetector,
  ];
  const provider = new sdk.TracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes(own))
      .merge(resources.detectResources({ detectors })),
    sampler: createSampler(sdk, settings),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: logFailures(exporter, log) })],
  });
  const traces = createTraces(provider.getTracer(SERVICE, version), {
    channels,
    readTraceparent: async (jobId) => (await engine()?.store.jobs.readTraceparent(jobId)) ?? null,
    log,
  });
  return {
    log: traces.log,
    /** Sends what is left, for half a second at most. */
    async close(): Promise<void> {
      traces.close();
      // What fails has been logged.
      const flushed = provider.shutdown().catch(() => undefined);
      await Promise.race([flushed, clock.sleep(FLUSH_MS, { ref: false })]);
    },
  };
}

async function loadPackages() {
  try {
    return await Promise.all([
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/exporter-trace-otlp-proto"),
      import("@opentelemetry/resources"),
    ]);
  } catch (cause) {
    if (codeOf(cause) !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new SetupError(
      `OTEL_EXPORTER_OTLP_ENDPOINT is set, and the packages that traces need are not installed. Run npm install ${PACKAGES}, or unset the variable.`,
      { cause },
    );
  }
}

function createSampler(
  sdk: Awaited<ReturnType<typeof loadPackages>>[0],
  { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: share }: TraceSettings,
): Sampler {
  const root = sampler.endsWith("traceidratio")
    ? new sdk.TraceIdRatioBasedSampler(share)
    : new sdk[sampler.endsWith("always_on") ? "AlwaysOnSampler" : "AlwaysOffSampler"]();
  return sampler.startsWith("parentbased_") ? new sdk.ParentBasedSampler({ root }) : root;
}

/** Logs the first failure, and its end. */
function logFailures(exporter: SpanExporter, log: Logger): SpanExporter {
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const hasFailed = result.error !== undefined;
        if (hasFailed && !isFailing)
          log.warn(
            { err: result.error },
            "Traces can't be sent, and are dropped until they can be. Check the collector at OTEL_EXPORTER_OTLP_ENDPOINT.",
          );
        if (!hasFailed && isFailing) log.info({}, "Traces are sent again.");
        isFailing = hasFailed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

/** Version, trace, span and flags; a later version may go on behind them. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-|$)/;
/** Of a name that a client chose. */
const MAX_NAME_CHARACTERS = 100;
/** An end that is older is sent to somebody who came late. */
const RECENT_MS = 60_000;
/** How many ends are known to have been sent. */
const MAX_SENT = 10_000;

/**
 * The span that the code which runs now belongs to, and the outermost one around it. Timers and listeners outlive the span
 * in which they were made: once it has ended they belong to none, so no trace grows for ever.
 */
type Scope = {
  readonly message: object;
  readonly span: Span;
  readonly root: Span;
  isOver: boolean;
};

/** What begins a span. Its parent is the current one unless given; if that is null, there is no span. */
type SpanStart = SpanOptions & { readonly name: string; readonly parent?: Context | null };

/**
 * Makes spans of what a gateway publishes: operations, what they do to the store, calls to RunComfy, polls, and the event
 * that reports an end. No span holds an input, a credential, an address or a message. Nothing but operations begins a trace.
 */
export function createTraces(
  tracer: Tracer,
  {
    channels,
    readTraceparent,
    log,
  }: {
    readonly channels: Channels;
    readonly readTraceparent: Jobs["readTraceparent"];
    readonly log: Logger;
  },
) {
  const scopes = new AsyncLocalStorage<Scope | null>();
  const { on, bind, close } = createSubscriptions(log);
  const sent = new LRUCache<string, true>({ max: MAX_SENT });

  function findScope(): Scope | null {
    const scope = scopes.getStore() ?? null;
    return scope?.isOver === false ? scope : null;
  }

  /** Makes a span of all that runs on a channel, which ends with it; of what it throws, the class or code alone. */
  function traceEach<Message extends object>(
    traced: Traced<Message>,
    toStart: (message: Message) => SpanStart,
    findError: (message: Message) => string | null = () => null,
  ): void {
    bind(traced.start, scopes, (message) => {
      const outer = findScope();
      const current = outer === null ? null : trace.setSpan(ROOT_CONTEXT, outer.span);
      const { name, parent = current, ...options } = toStart(message);
      if (parent === null) return outer;
      const span = tracer.startSpan(name, options, parent);
      return { message, span, root: outer?.root ?? span, isOver: false };
    });
    on(traced.asyncEnd, (message) => {
      const scope = scopes.getStore();
      if (scope?.message !== message) return;
      const { error } = message;
      const type = error === undefined ? findError(message) : toType(error);
      if (type !== null)
        scope.span.setAttribute("error.type", type).setStatus({ code: SpanStatusCode.ERROR });
      scope.isOver = true;
      scope.span.end();
    });
  }

  /** Makes a span of something about a job that began then and ends now, in the trace that the job is kept with. */
  async function noteEnd(name: string, job: Job, startTime: number): Promise<void> {
    const endTime = clock.now();
    // While the database is unreachable, the trace goes without it.
    const traceparent = await readTraceparent(job.id).catch(() => null);
    if (traceparent === null) return;
    const options = { startTime, attributes: toAttributes(job) };
    tracer.startSpan(name, options, fromTraceparent(traceparent)).end(endTime);
  }

  traceEach(channels.operation, toOperationSpan, ({ code }) => code);
  traceEach(channels.poll, ({ job, traceparent }) => ({
    name: "poll",
    attributes: toAttributes(job),
    parent: traceparent === null ? null : fromTraceparent(traceparent),
  }));
  // Without a URL, as that would reveal the upstream's address.
  traceEach(channels.call, ({ call, method }) => ({
    name: `${method} ${call}`,
    kind: SpanKind.CLIENT,
    attributes: { "http.request.method": method },
  }));
  on(channels.answered, (httpStatus) => {
    findScope()?.span.setAttribute("http.response.status_code", httpStatus);
  });
  traceEach(channels.statement, ({ system, table, method }) => ({
    name: `${method} ${table}`,
    kind: SpanKind.CLIENT,
    attributes: {
      "db.system.name": system,
      "db.operation.name": method,
      "db.collection.name": table,
    },
  }));
  // A job is kept with the operation that submits it.
  on(channels.inserting, (message) => {
    const scope = findScope();
    if (scope !== null) message.traceparent = toTraceparent(scope.root.spanContext());
  });
  on(channels.stored, (job) => {
    const scope = findScope();
    scope?.root.setAttributes(toAttributes(job));
    // As when a deadline has passed.
    if (scope === null && isFinished(job)) void noteEnd("end", job, job.updatedAt.getTime());
  });
  // Those who are woken go on in spans of their own.
  bind(channels.wakeUp, scopes, () => null);
  // The first event on this gateway that reported a job's end is a span, however many watch.
  on(channels.sent, ({ job, at }) => {
    if (job === null || !isFinished(job) || sent.has(job.id)) return;
    if (at - job.updatedAt.getTime() >= RECENT_MS) return;
    sent.set(job.id, true);
    void noteEnd("event", job, at);
  });

  return {
    /** The same log, whose lines have the `traceId` of what they are about. */
    log: log.child(
      {},
      {
        formatters: {
          log(fields) {
            const scope = findScope();
            return scope === null
              ? fields
              : { ...fields, traceId: scope.span.spanContext().traceId };
          },
        },
      },
    ),
    /** Makes no more spans. */
    close,
  };
}

function toOperationSpan({ kind, name, traceparent }: OperationMessage): SpanStart {
  return {
    name: kind,
    kind: SpanKind.SERVER,
    attributes: {
      "graphql.operation.type": kind,
      ...(name !== null && { "graphql.operation.name": name.slice(0, MAX_NAME_CHARACTERS) }),
    },
    parent: fromTraceparent(traceparent),
  };
}

function toAttributes({ id, deploymentId, status }: Job): Attributes {
  return {
    "runcomfy.job.id": id,
    "runcomfy.job.status": status,
    "runcomfy.deployment.id": deploymentId,
  };
}

/** No message: it may quote a value. */
function toType(error: unknown): string {
  if (error instanceof RunComfyError) return error.code;
  return error instanceof Error ? error.constructor.name : typeof error;
}

/** What a span belongs to by a `traceparent` of W3C Trace Context. One that can't be read begins a trace of its own. */
function fromTraceparent(traceparent: unknown): Context {
  const match = typeof traceparent === "string" ? TRACEPARENT.exec(traceparent) : null;
  const [, traceId = "", spanId = "", flags = ""] = match ?? [];
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  const parent = { traceId, spanId, traceFlags, isRemote: true };
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}

function toTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}
