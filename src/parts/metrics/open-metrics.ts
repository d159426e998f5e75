import { toUrlHost } from "../../runtime/listen.ts";
import type { Observed, OpenPart } from "../../part.ts";
import { createMetrics } from "./create-metrics.ts";
import { serveMetrics } from "./serve-metrics.ts";

/** Counts and measures what it observes, and serves that on this port. Rejects with a `SetupError`. */
export async function openMetrics(observed: Observed, port: number): Promise<OpenPart> {
  const { host, httpAccess } = observed.config;
  const metrics = createMetrics(observed);
  const origins = httpAccess.origins ?? [];
  const served = await serveMetrics(metrics, { host, port, origins });
  return {
    url: `http://${toUrlHost(host)}:${served.port}/metrics`,
    async close() {
      metrics.close();
      await served.close();
    },
  };
}
