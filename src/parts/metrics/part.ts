import type { SettingsOf } from "../../config/rules.ts";
import { optional, port } from "../../config/rules.ts";
import type { Part } from "../../part.ts";

const SETTINGS = {
  METRICS_PORT: optional(
    port(),
    "no metrics",
    "A port on `HOST` that serves `/metrics` to Prometheus. It needs no credential, so keep it on your internal network. It answers only to addresses, `localhost`, `*.internal`, names without a dot, and names in `CORS_ORIGINS`.",
  ),
};

export const part: Part<SettingsOf<typeof SETTINGS>> = {
  name: "metrics",
  settings: SETTINGS,
  isOn: ({ METRICS_PORT }) => METRICS_PORT !== undefined,
  async observe(observed, { METRICS_PORT = 0 }) {
    const { openMetrics } = await import("./open-metrics.ts");
    return await openMetrics(observed, METRICS_PORT);
  },
};
