import { snakeCase } from "change-case";
import { z } from "zod";

import type { Viewer } from "../auth/viewer.ts";
import type { Catalogue, Deployment } from "../deployments/catalogue.ts";
import { DeploymentNotFoundError, UpstreamError } from "../job/errors.ts";
import type { InputIssue, Spelling } from "../job/input.ts";
import type { Job } from "../job/job.ts";
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";
import { findDeployment, listDeployments } from "../schema/deployment.ts";
import { publishRefusal } from "../schema/submit.ts";
import { tellBriefly, toJobResult } from "./job-content.ts";
import type { TellDuration } from "./tell-duration.ts";
import {
  createTool,
  type GatewayTool,
  JSON_OBJECT,
  mayRead,
  READS,
  type ToolAnswer,
  type ToolCall,
  toInputSchema,
  toResult,
} from "./tool.ts";
import { tellIssues } from "./tool-error.ts";

/** A longer list of tools drowns a model. */
const MAX_DIRECT = 40;
/** What clients take, with a prefix of their own before it. */
const MAX_NAME_LENGTH = 60;

const COSTS = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: true,
} as const;

const DEPLOYMENT_ID = z.string().describe("The deployment's id.");
const OPTIONS = {
  new_run: z
    .boolean()
    .optional()
    .describe(
      "True runs the same input once more. Otherwise a call that repeats another of the last 10 minutes returns that one's job, so that a retry costs nothing. Beside an idempotency_key it changes nothing.",
    ),
  idempotency_key: z
    .string()
    .optional()
    .describe("Calls with the same key and the same input give the same job, however late."),
};

/** The tools that submit jobs, and those that say what can be submitted. */
export function createSubmitTools(options: {
  readonly catalogue: Catalogue;
  readonly tellDuration: TellDuration;
}): readonly GatewayTool[] {
  const { catalogue, tellDuration } = options;
  const named = catalogue.deployments.length > MAX_DIRECT ? new Map() : nameTools(catalogue);
  const others = catalogue.deployments.filter((one) => !named.has(one));
  const direct = [...named].map(([one, name]) => toDirectTool(one, name, tellDuration));
  const isLong = others.length > 0 || catalogue.hasOthers;
  const listing = isLong ? createListingTools(catalogue, tellDuration) : [];
  return [...direct, ...listing, createCheckTool()];
}

/** The names of the tools of deployments that have a mutation of their own, like it. */
function nameTools({ deployments }: Catalogue): ReadonlyMap<Deployment, string> {
  const names = new Map<string, Deployment>();
  for (const deployment of deployments) {
    const name = snakeCase(deployment.input?.submitField ?? "");
    const isGood = name !== "" && name !== "submit_job" && name.length <= MAX_NAME_LENGTH;
    if (isGood && !names.has(name)) names.set(name, deployment);
  }
  return new Map([...names].map(([name, deployment]) => [deployment, name]));
}

function toDirectTool(
  deployment: Deployment,
  name: string,
  tellDuration: TellDuration,
): GatewayTool {
  const rule = z.strictObject({ input: JSON_OBJECT, ...OPTIONS });
  const { inputSchema, ...tool } = createTool({
    name,
    scope: "jobs:submit",
    title: deployment.name,
    async description({ reads, viewer }) {
      const duration = await tellDuration(deployment.id, reads);
      const { id, description, name: called } = deployment;
      const facts = [description ?? called, duration, tellPrice(deployment)].filter(Boolean);
      return [...facts, `Its deployment_id is ${id}.`, tellCost(viewer)].join("\n");
    },
    annotations: COSTS,
    arguments: rule,
    call: (given, call) => submit({ ...given, deployment_id: deployment.id }, call),
  });
  const properties = { ...inputSchema.properties, input: toMember(deployment.inputSchema) };
  return { ...tool, inputSchema: toInputSchema({ ...inputSchema, properties }) };
}

/** A key that may not read has no such tool. */
function tellCost(viewer: Viewer): string {
  const next = mayRead(viewer) ? " Then call wait_for_job with its id." : "";
  return `Runs a job, which costs money.${next}`;
}

/** A schema as the member `input` of another, which its references must lead through. */
function toMember(schema: JsonObject | null): JsonObject {
  if (schema === null) return { type: "object" };
  const { $schema: _, ...member } = schema;
  const isOwnBase = typeof schema["$id"] === "string";
  const moved = isOwnBase ? member : moveReferences(member);
  return isJsonObject(moved) ? moved : { type: "object" };
}

function moveReferences(value: JsonValue): JsonValue {
  if (isJsonArray(value)) return value.map(moveReferences);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const isLocal = key === "$ref" && typeof member === "string" && /^#(\/|$)/.test(member);
      return [key, isLocal ? `#/properties/input${member.slice(1)}` : moveReferences(member)];
    }),
  );
}

function createListingTools(
  catalogue: Catalogue,
  tellDuration: TellDuration,
): readonly GatewayTool[] {
  const list = createTool({
    name: "list_deployments",
    scope: "jobs:submit",
    title: "List deployments",
    description: () => "Lists what can be run: for submit_job.",
    annotations: READS,
    arguments: z.strictObject({}),
    async call(_given, { context }) {
      const found = await listDeployments(catalogue, context);
      const deployments = found.map(({ id, name, description }) => ({ id, name, description }));
      return { result: toResult({ deployments }) };
    },
  });
  const describe = createTool({
    name: "describe_deployment",
    scope: "jobs:submit",
    title: "Describe a deployment",
    description: () =>
      "Returns a deployment's input schema, how long it usually takes and what it costs.",
    annotations: READS,
    arguments: z.strictObject({ deployment_id: DEPLOYMENT_ID }),
    async call({ deployment_id: id }, { context }) {
      const found = await findDeployment(catalogue, id, context);
      if (found === null)
        throw new DeploymentNotFoundError(id, { nearMisses: catalogue.findNearMisses(id) });
      const { name, description, price, inputSchema } = found;
      const duration = await tellDuration(id, context.reads);
      return {
        result: toResult({
          ...{ id, name, description, duration },
          price: price && { ...price },
          input_schema: inputSchema,
        }),
      };
    },
  });
  const submitJob = createTool({
    name: "submit_job",
    scope: "jobs:submit",
    title: "Submit a job",
    description: ({ viewer }) =>
      `Runs a deployment with an input that fits its schema: list_deployments and describe_deployment say what there is. ${tellCost(viewer)}`,
    annotations: COSTS,
    arguments: z.strictObject({ deployment_id: DEPLOYMENT_ID, input: JSON_OBJECT, ...OPTIONS }),
    call: submit,
  });
  return [list, describe, submitJob];
}

function createCheckTool(): GatewayTool {
  return createTool({
    name: "check_input",
    scope: "jobs:submit",
    title: "Check an input",
    description: () =>
      "Says what a submit would say of an input, without running anything: its issues and warnings.",
    annotations: READS,
    arguments: z.strictObject({ deployment_id: DEPLOYMENT_ID, input: JSON_OBJECT }),
    async call({ deployment_id: deploymentId, input }, { context }) {
      const { tracking, viewer } = context;
      const { issues, warnings } = await tracking.checkInput({
        deploymentId,
        input,
        viewer,
        spell,
      });
      const told = { issues: tellIssues(issues), warnings: tellIssues(warnings) };
      return { result: toResult({ is_valid: issues.length === 0, ...told }) };
    },
  });
}

type Submit = {
  readonly deployment_id: string;
  readonly input: JsonObject;
  readonly new_run?: boolean | undefined;
  readonly idempotency_key?: string | undefined;
};

type SubmitNotes = { readonly note: string | null; readonly warnings?: readonly InputIssue[] };

/** Paths begin with the tool's argument, as those of arguments that don't fit do. */
const spell: Spelling = (path) => ["input", ...path];

/** Answers once RunComfy has accepted the job, or may have; a refusal rejects. */
async function submit(given: Submit, { context }: ToolCall): Promise<ToolAnswer> {
  const { tracking, viewer, channels, reads } = context;
  const submitting = tracking.submitJob({
    viewer,
    deploymentId: given.deployment_id,
    input: given.input,
    idempotencyKey: given.idempotency_key ?? null,
    repeats: given.new_run === true ? "noted" : "found",
    spell,
  });
  const answer = (job: Job, told: SubmitNotes): ToolAnswer => ({
    submitted: job,
    // RunComfy may have accepted the job, so the caller must not take a failure for a refusal.
    result: () =>
      toJobResult(job, context, { readThumbnail: null, ...told }).catch(() =>
        toResult({ job: tellBriefly(job), note: told.note }),
      ),
  });
  try {
    const { job, warnings, wasThere } = await publishRefusal(channels, submitting);
    const before = given.idempotency_key === undefined ? REPEATED : KEYED;
    const next = mayRead(viewer) ? "Call wait_for_job with the job's id." : "";
    const note = [wasThere ? before : "", next].filter(Boolean).join(" ");
    return answer(job, { note: note === "" ? null : note, warnings });
  } catch (error) {
    const job = error instanceof UpstreamError ? error.unconfirmedJob : null;
    if (job === null) throw error;
    return answer(job, { note: UNCONFIRMED });
  } finally {
    reads.clear();
  }
}

const REPEATED =
  "This call repeats another, so this is that one's job, and nothing was paid again. Set new_run to true to run the same input once more.";
const KEYED =
  "This idempotency_key has a job already, so this is that one, and nothing was paid again. Use another idempotency_key to run the same input once more.";
const UNCONFIRMED =
  "RunComfy did not confirm this job, which may be running and cost money all the same. Don't submit it again; ask a person.";

function tellPrice({ price }: Deployment): string {
  if (price === null) return "";
  const { amount, unit, note } = price;
  return `Costs about $${amount} per ${unit}${note === null ? "" : `; ${note}`}.`;
}
