import type { CallToolResult, Tool } from "@modelcontextprotocol/server";
import { z } from "zod";

import type { Scope, Viewer } from "../auth/viewer.ts";
import type { Job } from "../job/job.ts";
import { isJsonObject, type JsonObject } from "../job/json.ts";
import type { GatewayContext } from "../schema/context.ts";

/** What a tool answers with; a submitted job becomes a task where the client takes tasks. */
export type ToolAnswer =
  | { readonly result: CallToolResult }
  | { readonly submitted: Job; readonly result: () => Promise<CallToolResult> };

/** One call of a tool. */
export type ToolCall = {
  readonly context: GatewayContext;
  /** Aborted once nobody waits for the answer. */
  readonly signal: AbortSignal;
  /** Tells how far it is, from 0 to 1; null where the client did not ask for that. */
  readonly tellProgress: ((progress: number, message: string) => void) | null;
};

/** A tool as a client may see it and call it. */
export type GatewayTool = {
  readonly name: string;
  /** Without it the tool does not exist for the credential. */
  readonly scope: Scope;
  readonly title: string;
  readonly description: (context: GatewayContext) => string | Promise<string>;
  readonly inputSchema: Tool["inputSchema"];
  readonly annotations: NonNullable<Tool["annotations"]>;
  /** Throws a `ZodError` for arguments of another form. */
  readonly call: (given: unknown, call: ToolCall) => Promise<ToolAnswer>;
};

/** Makes a tool whose arguments a schema describes and checks. */
export function createTool<Arguments extends z.ZodObject>({
  arguments: rule,
  call,
  ...facts
}: Omit<GatewayTool, "inputSchema" | "call"> & {
  readonly arguments: Arguments;
  readonly call: (given: z.output<Arguments>, call: ToolCall) => Promise<ToolAnswer>;
}): GatewayTool {
  const { $schema: _, ...inputSchema } = z.toJSONSchema(rule, {
    io: "input",
    unrepresentable: "any",
  });
  return {
    ...facts,
    inputSchema: toInputSchema(inputSchema),
    call: (given, about) => call(rule.parse(given), about),
  };
}

/** The schema of an object as the SDK's types want it: as JSON of its own. */
export function toInputSchema(schema: object): Tool["inputSchema"] {
  return JSON.parse(JSON.stringify({ ...schema, type: "object" }));
}

/** Whether the tool exists for the credential. */
export function isOffered({ scope }: Pick<GatewayTool, "scope">, viewer: Viewer): boolean {
  return scope === "jobs:read" ? mayRead(viewer) : viewer.scopes.has(scope);
}

export function mayRead({ scopes }: Viewer): boolean {
  return scopes.has("jobs:read") || scopes.has("jobs:read:all");
}

/** The value as structured content, and as the text that clients without that read. */
export function toResult(structuredContent: JsonObject): CallToolResult {
  const text = JSON.stringify(structuredContent);
  return { structuredContent: { ...structuredContent }, content: [{ type: "text", text }] };
}

/** Any JSON object, which stays as it is. */
export const JSON_OBJECT = z
  .custom<JsonObject>(isJsonObject, "must be an object")
  .meta({ type: "object" });

export const READS = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
} as const;
