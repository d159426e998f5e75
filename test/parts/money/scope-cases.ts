import type { ScopeCase } from "../../schema/scope-cases.ts";

export const SCOPE_CASES: readonly ScopeCase[] = [
  [
    "jobs:read",
    `{ usage(from: "2026-12-01T00:00:00Z", to: "2026-12-02T00:00:00Z", groupBy: [DAY]) { jobs } }`,
  ],
  ["operate", `{ balance { usd } }`],
];
