import Fastify from "fastify";
import { GraphQLScalarType } from "graphql";
import mercurius from "mercurius";

import { createPeerJobs, JOB_ID, TYPES } from "./peer-job.ts";

// A program: mercurius on fastify, which compiles each query the second time it comes.
const { query, change } = createPeerJobs();
const app = Fastify();
await app.register(mercurius, {
  schema: TYPES,
  resolvers: {
    JSON: new GraphQLScalarType({ name: "JSON", serialize: (value) => value }),
    DateTime: new GraphQLScalarType({ name: "DateTime", serialize: (value) => value }),
    Query: query,
    Subscription: {
      jobUpdated: {
        subscribe: async (_root: unknown, { id }: { id: string }, { pubsub }) =>
          await pubsub.subscribe(id),
      },
    },
  },
  jit: 1,
  subscription: true,
});
app.get("/health", () => "");
app.get("/change", async () => {
  app.graphql.pubsub.publish({ topic: JOB_ID, payload: { jobUpdated: change() } });
  return "";
});
console.log(`${await app.listen({ port: 0, host: "127.0.0.1" })}/graphql`);
