import type { ScopeCase } from "../../schema/scope-cases.ts";

export const SCOPE_CASES: readonly ScopeCase[] = [
  ["jobs:read", `mutation { createDownload(ids: []) { __typename } }`],
];
