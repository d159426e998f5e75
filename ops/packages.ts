/** What is released, in the order in which it is built and published: where its sources are, and what it is imported by. */
export const PACKAGES = [
  { name: "runcomfy-graphql-client", source: "client", entry: "index.ts" },
  { name: "runcomfy-sandbox", source: "sandbox", entry: "sandbox.ts" },
  { name: "runcomfy-graphql", source: ".", entry: "gateway.ts" },
] as const;
