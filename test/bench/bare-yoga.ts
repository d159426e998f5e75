import { createServer } from "node:http";

import { createYoga } from "graphql-yoga";

import { OPEN_CATALOGUE } from "../../src/deployments/catalogue.ts";
import { createSchema } from "../../src/schema/create-schema.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { FINISHED } from "./example-job.ts";

// A program: the gateway's own Pothos types on Yoga as its documentation sets it up, over one job in memory. With
// BODY_LIMIT=none it goes without Yoga's limit on the size of a body, which is half of what a request costs there.
const yoga = createYoga({
  schema: createSchema(OPEN_CATALOGUE),
  context: () => ({
    viewer: LOCAL_VIEWER,
    loaders: {
      jobs: { load: async (id: string) => (id === FINISHED.job.id ? FINISHED.job : null) },
      documents: { load: async () => ({ ...FINISHED.documents, inputBytes: 0, outputBytes: 0 }) },
      told: { take: () => undefined },
      histories: { load: async () => FINISHED.history },
    },
  }),
  logging: false,
  ...(process.env["BODY_LIMIT"] === "none" && { maxRequestBodySize: false }),
});
const server = createServer((request, response) => void yoga(request, response));
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`http://127.0.0.1:${address?.port}/graphql`);
});
