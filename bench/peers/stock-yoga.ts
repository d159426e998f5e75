import { createServer } from "node:http";

import type { ExecutionArgs } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { createPubSub, createSchema, createYoga } from "graphql-yoga";
import { WebSocketServer } from "ws";

import type { PeerJob } from "./peer-job.ts";
import { createPeerJobs, JOB_ID, serve, TYPES } from "./peer-job.ts";

// A program: GraphQL Yoga with its defaults, and graphql-ws beside it as Yoga's documentation has it.
const { query, change } = createPeerJobs();
const pubSub = createPubSub<{ jobUpdated: [id: string, job: PeerJob] }>();
const yoga = createYoga({
  schema: createSchema({
    typeDefs: TYPES,
    resolvers: {
      Query: query,
      Subscription: {
        jobUpdated: {
          subscribe: (_root, { id }) => pubSub.subscribe("jobUpdated", id),
          resolve: (changed: PeerJob) => changed,
        },
      },
    },
  }),
  graphiql: { subscriptionsProtocol: "WS" },
});
const server = createServer((request, response) => {
  if (request.url !== "/change") return void yoga(request, response);
  pubSub.publish("jobUpdated", JOB_ID, change());
  response.end();
});
/** The documentation keeps them in `rootValue`, which has no type. */
const enveloped = new WeakMap<ExecutionArgs, ReturnType<typeof yoga.getEnveloped>>();
useServer(
  {
    execute: (args) => (enveloped.get(args) ?? yoga.getEnveloped()).execute(args),
    subscribe: (args) => (enveloped.get(args) ?? yoga.getEnveloped()).subscribe(args),
    async onSubscribe(context, _id, params) {
      const { request: req, socket } = context.extra;
      const own = yoga.getEnveloped({ ...context, req, socket, params });
      const args = {
        schema: own.schema,
        operationName: params.operationName,
        document: own.parse(params.query),
        variableValues: params.variables,
        contextValue: await own.contextFactory(),
      };
      const errors = own.validate(args.schema, args.document);
      if (errors.length > 0) return errors;
      enveloped.set(args, own);
      return args;
    },
  },
  new WebSocketServer({ server, path: yoga.graphqlEndpoint }),
);
serve(server);
