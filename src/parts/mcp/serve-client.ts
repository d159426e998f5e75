import type { ServerContext } from "@modelcontextprotocol/server";
import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
} from "@modelcontextprotocol/server";
import type { Logger } from "pino";

import { JobNotFoundError } from "../../engine/job/errors.ts";
import type { Job } from "../../engine/job/job.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { listJobs } from "../../engine/use-cases/find-jobs.ts";
import { describeJob, readFiles } from "./job-content.ts";
import { readJob } from "./job-tools.ts";
import { serveTasks, takesTasks, TASKS, toTask } from "./tasks.ts";
import type { GatewayTool, Guard, ToolCall, ToolContext } from "./tool.ts";
import { isOffered, mayRead } from "./tool.ts";
import { toDetails, toErrorResult } from "./tool-error.ts";

const COSTS =
  "Each new job costs money, and a call that repeats another of the last 10 minutes costs none: it returns that job.";
const INSTRUCTIONS = `Submit a job, then call wait_for_job with its id until it has ended. ${COSTS}`;
const JOB_URI = "job://";
const JOB_TYPE = "application/json";
const MAX_RESOURCES = 20;
/** Durations in descriptions change, but slowly. */
const LIST_TTL_MS = 60_000;

type Client = {
  /** `legacy` speaks a revision of 2025. */
  readonly era: "legacy" | "modern";
  readonly context: ToolContext;
};

/** Makes what answers one request of a client, for its viewer alone. */
export function createServerFactory(options: {
  readonly tools: readonly GatewayTool[];
  readonly version: string;
  readonly log: Logger;
}) {
  const { tools, version, log } = options;
  const byName = new Map(tools.map((tool) => [tool.name, tool]));

  return ({ era, context }: Client): Server => {
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

    const guard: Guard = async (act) => {
      try {
        return await act();
      } catch (error) {
        throw toProtocolError(error, log);
      }
    };

    async function toSubmitted(job: Job) {
      return { ...(await toTask(job, context)), resultType: "task", content: [] };
    }

    async function describe(tool: GatewayTool) {
      const { call: _, scope: _of, description: text, ...shown } = tool;
      return { ...shown, description: typeof text === "string" ? text : await text(context) };
    }

    server.setRequestHandler("tools/list", () =>
      guard(async () => {
        const offered = tools.filter((tool) => isOffered(tool, viewer));
        return { tools: await Promise.all(offered.map(describe)) };
      }),
    );

    server.setRequestHandler("tools/call", ({ params }, about) =>
      guard(async () => {
        const tool = byName.get(params.name);
        if (tool === undefined || !isOffered(tool, viewer))
          throw new ProtocolError(ProtocolErrorCode.InvalidParams, UNKNOWN_TOOL);
        const asTask = hasTasks && takesTasks(about) ? toSubmitted : null;
        try {
          return await tool.call(params.arguments ?? {}, { ...toCall(about, context), asTask });
        } catch (error) {
          return toErrorResult(error, log);
        }
      }),
    );

    if (canRead) serveResources(server, context, guard);
    if (hasTasks) serveTasks(server, context, guard);
    return server;
  };
}

function serveResources(server: Server, context: ToolContext, guard: Guard): void {
  server.setRequestHandler("resources/list", () =>
    guard(async () => {
      const { jobs } = await listJobs(context, { first: MAX_RESOURCES });
      return {
        resources: jobs.map(({ id }) => ({ uri: JOB_URI + id, name: id, mimeType: JOB_TYPE })),
      };
    }),
  );

  server.setRequestHandler("resources/templates/list", () =>
    guard(async () => ({
      resourceTemplates: [{ uriTemplate: `${JOB_URI}{id}`, name: "A job", mimeType: JOB_TYPE }],
    })),
  );

  server.setRequestHandler("resources/read", ({ params: { uri } }) =>
    guard(async () => {
      const id = uri.startsWith(JOB_URI) ? uri.slice(JOB_URI.length) : "";
      const job = await readJob(id, context).catch((error: unknown) => {
        throw error instanceof JobNotFoundError ? new ResourceNotFoundError(uri) : error;
      });
      const described = await describeJob(job, await readFiles(job, context), context);
      const text = JSON.stringify({ job: described });
      return { contents: [{ uri, text, mimeType: JOB_TYPE }] };
    }),
  );
}

function toCall(
  { mcpReq }: ServerContext,
  context: ToolContext,
): Pick<ToolCall, "context" | "signal" | "notify"> {
  const { signal, _meta: meta } = mcpReq;
  const progressToken = meta?.progressToken;
  const notify: ToolCall["notify"] = (progress, message) => {
    if (progressToken === undefined) return;
    const params = { progressToken, progress, total: 1, message };
    // A client that has left doesn't get it.
    void mcpReq.notify({ method: "notifications/progress", params }).catch(() => undefined);
  };
  return { context, signal, notify: progressToken === undefined ? null : notify };
}

/** Of what fails, only what the client has got wrong is its own mistake. */
function toProtocolError(error: unknown, log: Logger): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const isMistaken = error instanceof CodedError && [403, 404].includes(error.status);
  const code = isMistaken ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError;
  return new ProtocolError(code, toDetails(error, log).message);
}

const UNKNOWN_TOOL = "There is no such tool for this credential. Choose one that tools/list has.";

/** The gateway asks its clients for nothing, so it validates no answer of theirs. */
const NO_VALIDATOR = {
  getValidator(): never {
    throw new Error("The gateway has no use for a validator of schemas.");
  },
};
