import { createServer } from "node:http";

import type { ExecutionArgs } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { createPubSub, createSchema, createYoga } from "graphql-yoga";
import { WebSocketServer } from "ws";

import type { PeerJob } from "./peer-job.ts";
import { JOB_ID, openPeerJob, serve, TYPES } from "./peer-job.ts";

// A program: GraphQL Yoga with its defaults, and graphql-ws beside it as Yoga's documentation has it.
const job = openPeerJob();
const pubSub = createPubSub<{ jobUpdated: [id: string, job: PeerJob] }>();
const schema = createSchema({
  typeDefs: TYPES,
  resolvers: {
    Query: { job: () => job.read() },
    Subscription: {
      jobUpdated: {
        subscribe: (_root, { id }) => pubSub.subscribe("jobUpdated", id),
        resolve: (changed: PeerJob) => changed,
      },
    },
  },
});
const yoga = createYoga({ schema, logging: false });
const server = createServer((request, response) => {
  if (request.url !== "/change") return void yoga(request, response);
  pubSub.publish("jobUpdated", JOB_ID, job.change());
  response.end();
});
useServer(
  {
    execute: (args: ExecutionArgs) => yoga.getEnveloped().execute(args),
    subscribe: (args: ExecutionArgs) => yoga.getEnveloped().subscribe(args),
    async onSubscribe(context, _id, params) {
      const { parse, validate, contextFactory } = yoga.getEnveloped({ ...context, params });
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
      };
      const errors = validate(schema, args.document);
      return errors.length > 0 ? errors : args;
    },
  },
  new WebSocketServer({ server, path: yoga.graphqlEndpoint }),
);
serve(server);
