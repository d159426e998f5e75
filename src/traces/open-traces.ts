import type { Sampler, SpanExporter } from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";

import { codeOf, SetupError } from "../runtime/coded-error.ts";
import type { Config } from "../config/load-config.ts";
import { clock } from "../runtime/environment.ts";
import { createTraces } from "./create-traces.ts";

const SERVICE = "runcomfy-graphql";
/** How long a stop waits for the last spans to leave, once all else is closed. */
const FLUSH_MS = 500;
const PACKAGES =
  "@opentelemetry/sdk-trace @opentelemetry/exporter-trace-otlp-proto @opentelemetry/resources";

type Settings = NonNullable<Config["traces"]>;

/**
 * Makes traces and sends them to a collector, from at most 2,048 spans that wait for it. The OTEL_ variables that are none
 * of the gateway's settings are read by OpenTelemetry's packages. Rejects with a `SetupError`.
 */
export async function openTraces({
  settings,
  version,
  log,
}: {
  readonly settings: Settings;
  readonly version: string;
  readonly log: Logger;
}) {
  const [sdk, { OTLPTraceExporter }, resources] = await loadPackages();
  const exporter = new OTLPTraceExporter({
    url: `${settings.endpoint.replace(/\/+$/, "")}/v1/traces`,
  });
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
  return {
    ...createTraces(provider.getTracer(SERVICE, version)),
    /** Sends what is left, for half a second at most. */
    async close(): Promise<void> {
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
  { sampler, part }: Settings,
): Sampler {
  const root = sampler.endsWith("traceidratio")
    ? new sdk.TraceIdRatioBasedSampler(part)
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
