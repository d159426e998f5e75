import type { CallToolResult, Tool } from "@modelcontextprotocol/server";
import { sentenceCase } from "change-case";
import { z } from "zod";

import type { Scope, Viewer } from "../../auth/viewer.ts";
import type { Job } from "../../engine/job/job.ts";
import { isJsonObject, type JsonObject } from "../../engine/job/json.ts";
import type { Caller } from "../../engine/caller.ts";

/** What tools work with: what use cases take, and pictures. */
export type ToolContext = Caller & { readonly readThumbnail: ReadThumbnail };

/** Reads a smaller picture of a kept file as WebP; null if there is none, or none so small. */
export type ReadThumbnail = (
  file: string,
  options: { readonly width: number; readonly mostBytes: number },
) => Promise<Buffer | null>;

/** One call of a tool. */
export type ToolCall = {
  readonly context: ToolContext;
  /** Aborted once nobody waits for the answer. */
  readonly signal: AbortSignal;
  /** Notifies the client how far it is, from 0 to 1; null where it did not ask for that. */
  readonly notify: ((progress: number, message: string) => void) | null;
  /** Answers with a submitted job as a task; null where the client takes none. */
  readonly asTask: ((job: Job) => Promise<CallToolResult>) | null;
};

/** Runs what answers a request, in its owner's turn; what fails becomes an error of the protocol. */
export type Guard = <Value>(act: () => Promise<Value>) => Promise<Value>;

/** A tool as a client may see it and call it. */
export type GatewayTool = {
  readonly name: string;
  /** Without it the tool does not exist for the credential. */
  readonly scope: Scope;
  readonly title: string;
  readonly description: string | ((context: ToolContext) => string | Promise<string>);
  readonly inputSchema: Tool["inputSchema"];
  readonly annotations: (typeof EFFECTS)[keyof typeof EFFECTS];
  /** Throws a `ZodError` for arguments of another form. */
  readonly call: (given: unknown, call: ToolCall) => Promise<CallToolResult>;
};

/** What a tool does to the world. */
export const EFFECTS = {
  reads: toHints({ readOnlyHint: true, idempotentHint: true }),
  adds: toHints({}),
  runs: toHints({ openWorldHint: true }),
  cancels: toHints({ destructiveHint: true, idempotentHint: true, openWorldHint: true }),
};

function toHints(hints: Tool["annotations"]) {
  const none = { readOnlyHint: false, destructiveHint: false, idempotentHint: false };
  return { ...none, openWorldHint: false, ...hints };
}

/** Makes a tool whose arguments a schema describes and checks. */
export function createTool<Arguments extends z.ZodObject>({
  arguments: rule,
  call,
  ...facts
}: Omit<GatewayTool, "title" | "inputSchema" | "call"> & {
  /** Its name by default. */
  readonly title?: string;
  readonly arguments: Arguments;
  readonly call: (given: z.output<Arguments>, call: ToolCall) => Promise<CallToolResult>;
}): GatewayTool {
  const { $schema: _, ...schema } = z.toJSONSchema(rule, { io: "input", unrepresentable: "any" });
  return {
    title: sentenceCase(facts.name),
    ...facts,
    inputSchema: JSON.parse(JSON.stringify(schema)),
    call: (given, about) => call(rule.parse(given), about),
  };
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
