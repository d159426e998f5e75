import type { ServerContext, Tool } from "@modelcontextprotocol/server";
import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
} from "@modelcontextprotocol/server";
import type { Logger } from "pino";

import { JobNotFoundError } from "../job/errors.ts";
import { clock } from "../runtime/environment.ts";
import { Queue } from "../runtime/queue.ts";
import type { GatewayContext } from "../schema/context.ts";
import type { ReadThumbnail } from "./job-content.ts";
import { toJobResult } from "./job-content.ts";
import { findJob } from "./job-tools.ts";
import { serveTasks, takesTasks, TASKS, toTask } from "./tasks.ts";
import type { GatewayTool, ToolCall } from "./tool.ts";
import { isOffered, mayRead } from "./tool.ts";
import { toErrorResult, toErrorText } from "./tool-error.ts";

const COSTS =
  "Each new job costs money, and a call that repeats another of the last 10 minutes costs none: it returns that job.";
const INSTRUCTIONS = `Submit a job, then call wait_for_job with its id until it has ended. ${COSTS}`;
const JOB_URI = "job://";
const MAX_RESOURCES = 20;
/** Of one owner in a turn of the event loop: a hundred may have waited for the same job. */
const MAX_ANSWERED = 4;
/** Durations in descriptions change, but slowly. */
const LIST_TTL_MS = 60_000;

type Client = {
  /** `legacy` speaks a revision of 2025. */
  readonly era: "legacy" | "modern";
  readonly context: GatewayContext;
  /** Called once a handler begins: what came before it took the thread. */
  readonly release: () => void;
};

/** Makes what answers one request of a client, for its viewer alone. */
export function createServerFactory(options: {
  readonly tools: readonly GatewayTool[];
  readonly version: string;
  readonly readThumbnail: ReadThumbnail;
  readonly log: Logger;
}) {
  const { tools, version, readThumbnail, log } = options;
  const answers = new Queue({ perKey: MAX_ANSWERED });
  const byName = new Map(tools.map((tool) => [tool.name, tool]));

  return ({ era, context, release }: Client): Server => {
    const { viewer } = context;
    const canRead = mayRead(viewer);
    const hasTasks = canRead && era === "modern";
    const server = new Server(
      { name: "runcomfy-graphql", title: "RunComfy gateway", version },
      {
        capabilities: {
          tools: {},
          ...(canRead && { resources: {} }),
          ...(hasTasks && { extensions: { [TASKS]: {} } }),
        },
        instructions: canRead ? INSTRUCTIONS : COSTS,
        cacheHints: { "tools/list": { ttlMs: LIST_TTL_MS, cacheScope: "private" } },
        jsonSchemaValidator: NO_VALIDATOR,
      },
    );

    /** What nobody expected keeps its words for the log. */
    async function guard<Value>(act: () => Promise<Value>): Promise<Value> {
      release();
      // What the SDK did with a large input took a turn's share already.
      await clock.nextTurn();
      try {
        return await act();
      } catch (error) {
        if (error instanceof ProtocolError) throw error;
        throw new ProtocolError(ProtocolErrorCode.InternalError, toErrorText(error, log));
      } finally {
        // What the SDK does with it comes next.
        await answers.run(viewer.ownerId, async () => undefined);
      }
    }

    server.setRequestHandler("tools/list", () =>
      guard(async () => {
        const offered = tools.filter((tool) => isOffered(tool, viewer));
        return { tools: await Promise.all(offered.map((tool) => describe(tool, context))) };
      }),
    );

    server.setRequestHandler("tools/call", ({ params }, about) =>
      guard(async () => {
        const tool = byName.get(params.name);
        if (tool === undefined || !isOffered(tool, viewer))
          throw new ProtocolError(ProtocolErrorCode.InvalidParams, UNKNOWN_TOOL);
        try {
          const answer = await tool.call(params.arguments ?? {}, toCall(context, about));
          if (!("submitted" in answer)) return answer.result;
          if (!hasTasks || !takesTasks(about)) return await answer.result();
          return { ...(await toTask(answer.submitted, context)), resultType: "task", content: [] };
        } catch (error) {
          return toErrorResult(error, log);
        }
      }),
    );

    if (canRead) serveResources(server, context, guard);
    if (hasTasks) serveTasks(server, { context, readThumbnail, guard });
    return server;
  };
}

type Guard = <Value>(act: () => Promise<Value>) => Promise<Value>;

function serveResources(server: Server, context: GatewayContext, guard: Guard): void {
  server.setRequestHandler("resources/list", () =>
    guard(async () => {
      const range = { filter: {}, direction: "forward", limit: MAX_RESOURCES } as const;
      const { jobs } = await context.reads.listJobs(range);
      return {
        resources: jobs.map((job) => ({
          uri: `${JOB_URI}${job.id}`,
          name: job.id,
          mimeType: "application/json",
        })),
      };
    }),
  );

  server.setRequestHandler("resources/templates/list", () =>
    guard(async () => ({
      resourceTemplates: [
        { uriTemplate: `${JOB_URI}{id}`, name: "A job", mimeType: "application/json" },
      ],
    })),
  );

  server.setRequestHandler("resources/read", ({ params: { uri } }) =>
    guard(async () => {
      const id = uri.startsWith(JOB_URI) ? uri.slice(JOB_URI.length) : "";
      const job = await findJob(id, context).catch((error: unknown) => {
        throw error instanceof JobNotFoundError ? new ResourceNotFoundError(uri) : error;
      });
      const { structuredContent } = await toJobResult(job, context, { readThumbnail: null });
      const text = JSON.stringify(structuredContent);
      return { contents: [{ uri, mimeType: "application/json", text }] };
    }),
  );
}

async function describe(tool: GatewayTool, context: GatewayContext): Promise<Tool> {
  const { name, title, inputSchema, annotations } = tool;
  return { name, title, description: await tool.description(context), inputSchema, annotations };
}

function toCall(context: GatewayContext, { mcpReq }: ServerContext): ToolCall {
  const { signal, _meta: meta } = mcpReq;
  const progressToken = meta?.progressToken;
  if (progressToken === undefined) return { context, signal, tellProgress: null };
  return {
    context,
    signal,
    tellProgress(progress, message) {
      const params = { progressToken, progress, total: 1, message };
      // Nobody hears it who has left.
      void mcpReq.notify({ method: "notifications/progress", params }).catch(() => undefined);
    },
  };
}

const UNKNOWN_TOOL = "There is no such tool for this credential. Choose one that tools/list has.";

/** The gateway asks its clients for nothing, so it validates no answer of theirs. */
const NO_VALIDATOR = {
  getValidator(): never {
    throw new Error("The gateway has no use for a validator of schemas.");
  },
};
