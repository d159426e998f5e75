import type { Part } from "../../part.ts";
import type { TraceSettings } from "./settings.ts";
import { TRACE_SETTINGS } from "./settings.ts";

export const part: Part<TraceSettings> = {
  name: "traces",
  settings: TRACE_SETTINGS,
  isOn: ({ OTEL_EXPORTER_OTLP_ENDPOINT }) => OTEL_EXPORTER_OTLP_ENDPOINT !== undefined,
  async observe(observed, settings) {
    const { openTraces } = await import("./open-traces.ts");
    return await openTraces(observed, settings);
  },
};
