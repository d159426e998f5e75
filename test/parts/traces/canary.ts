import { expect } from "vitest";

import type { Canary } from "../../attacks/canary.ts";
import { startCollector } from "./otlp-collector.ts";

export async function openCanary(): Promise<Canary> {
  const collector = await startCollector();
  return {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    read() {
      const kinds = ["mutation", "POST submit", "poll", "GET result", "save jobs"];
      expect(collector.spans.map(({ name }) => name)).toEqual(expect.arrayContaining(kinds));
      return collector.text();
    },
  };
}
