import type { SettingsOf } from "../../config/rules.ts";
import { fitting, number, oneOf, optional, setting } from "../../config/rules.ts";

const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
export const TRACE_SETTINGS = {
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(
    fitting(
      isBareUrl,
      "must be an http: or https: URL without user, query or fragment, such as http://localhost:4318",
    ),
    "no traces",
    "The collector to send traces to, as OTLP over HTTP at `/v1/traces`. [traces.md](traces.md) says what this needs and what traces contain.",
    "secret",
  ),
  OTEL_TRACES_SAMPLER: setting(
    oneOf(SAMPLERS),
    "parentbased_always_on",
    `Which traces are kept: ${SAMPLERS.map((name) => `\`${name}\``).join(", ")}. With \`parentbased_\`, the caller's \`traceparent\` decides if there is one.`,
  ),
  OTEL_TRACES_SAMPLER_ARG: setting(
    number(0, 1),
    "1",
    "With `traceidratio`: the fraction of traces to keep, from 0 to 1.",
  ),
};

export type TraceSettings = SettingsOf<typeof TRACE_SETTINGS>;

/** Whether it is a server's URL, with a path perhaps. */
function isBareUrl(given: string): boolean {
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.username + url.password + url.search + url.hash === "";
}
