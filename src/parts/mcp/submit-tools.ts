import type { CallToolResult } from "@modelcontextprotocol/server";
import { snakeCase } from "change-case";
import { z } from "zod";

import type { Viewer } from "../../auth/viewer.ts";
import type { Catalogue, Deployment } from "../../engine/deployments/catalogue.ts";
import { DeploymentNotFoundError, UpstreamError } from "../../engine/job/errors.ts";
import { MAX_PRIORITY } from "../../engine/job/hold.ts";
import type { Spelling } from "../../engine/job/input.ts";
import type { JsonObject } from "../../engine/job/json.ts";
import type { RunStats } from "../../engine/job/run-times.ts";
import { checkInput } from "../../engine/use-cases/check-input.ts";
import { quote } from "../../engine/use-cases/costs.ts";
import { findDeployment, listDeployments } from "../../engine/use-cases/deployments.ts";
import { submitJob } from "../../engine/use-cases/submit-jobs.ts";
import { ABSENT_COST, toBrief, toCost, toJobResult } from "./job-content.ts";
import type { GatewayTool, ToolCall } from "./tool.ts";
import { createTool, EFFECTS, JSON_OBJECT, mayRead, toResult } from "./tool.ts";
import { toIssues } from "./tool-error.ts";

/** A longer list of tools drowns a model. */
const MAX_DIRECT = 40;
/** What clients take, with a prefix of their own before it. */
const MAX_NAME_LENGTH = 60;

const DEPLOYMENT_ID = z.string().describe("The deployment's id.");
const TIME = z.iso.datetime({ offset: true });
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
  queue: z
    .strictObject({
      priority: z.int().min(-MAX_PRIORITY).max(MAX_PRIORITY).optional(),
      send_after: TIME.describe("It is not sent before then.").optional(),
      send_before: TIME.describe(
        "If it was not sent by then, it fails and costs nothing.",
      ).optional(),
      hold: z.boolean().optional().describe("Whether it waits until a person releases it."),
    })
    .optional()
    .describe(
      "Has the job wait here, where it costs nothing, until its turn comes. Among your jobs, those of the highest priority are sent first. Without it, the job is sent at once.",
    ),
};

/** The tools that submit jobs, and those that say what can be submitted. */
export function createSubmitTools(catalogue: Catalogue): readonly GatewayTool[] {
  const { deployments, hasOthers } = catalogue;
  const named = nameTools(deployments.length > MAX_DIRECT ? [] : deployments);
  const direct = [...named].map(([name, one]) => toDirectTool(one, name));
  const isWhole = named.size === deployments.length && !hasOthers;
  const listing = isWhole ? [] : createListingTools(catalogue);
  return [...direct, ...listing, createCheckTool()];
}

/** The names of the tools of deployments that have a mutation of their own, like it. */
function nameTools(deployments: readonly Deployment[]): ReadonlyMap<string, Deployment> {
  const names = new Map<string, Deployment>();
  for (const deployment of deployments) {
    const name = snakeCase(deployment.input?.submitField ?? "");
    const isGood = name !== "" && name !== "submit_job" && name.length <= MAX_NAME_LENGTH;
    if (isGood && !names.has(name)) names.set(name, deployment);
  }
  return names;
}

function toDirectTool(deployment: Deployment, name: string): GatewayTool {
  return createTool({
    name,
    scope: "jobs:submit",
    title: deployment.name,
    async description({ engine, viewer }) {
      const { id, description, name: called } = deployment;
      const duration = toDurationText(await engine.learning.readStats(id));
      const facts = [description ?? called, duration, toPriceText(deployment)].filter(Boolean);
      return [...facts, `Its deployment_id is ${id}.`, toCostText(viewer)].join("\n");
    },
    annotations: EFFECTS.runs,
    arguments: z.strictObject({ input: toMember(deployment.inputSchema), ...OPTIONS }),
    call: (given, call) => submit({ ...given, deployment_id: deployment.id }, call),
  });
}

/** A key that may not read has no such tool. */
function toCostText(viewer: Viewer): string {
  const next = mayRead(viewer) ? " Then call wait_for_job with its id." : "";
  return `Runs a job, which costs money: check_input says how much, if that is known.${next}`;
}

/** An object with a schema that is the member `input` of another, which its references must lead through. */
function toMember(schema: JsonObject | null): typeof JSON_OBJECT {
  // Zod would take the `id` for one of its own.
  const { $schema: _, id: _id, ...member } = schema ?? {};
  const isOwnBase = typeof member["$id"] === "string";
  const move = (key: string, value: unknown): unknown =>
    key === "$ref" && typeof value === "string" && !isOwnBase
      ? value.replace(/^#(?=\/|$)/, "#/properties/input")
      : value;
  return JSON_OBJECT.meta(JSON.parse(JSON.stringify(member), move));
}

function createListingTools(catalogue: Catalogue): readonly GatewayTool[] {
  const list = createTool({
    name: "list_deployments",
    scope: "jobs:submit",
    description: "Lists what can be run: for submit_job.",
    annotations: EFFECTS.reads,
    arguments: z.strictObject({}),
    async call(_given, { context }) {
      const found = await listDeployments(context);
      const deployments = found.map(({ id, name, description }) => ({ id, name, description }));
      return toResult({ deployments });
    },
  });
  const describe = createTool({
    name: "describe_deployment",
    scope: "jobs:submit",
    description: `Returns a deployment's input schema, how long it usually takes and its price. ${ABSENT_COST}`,
    annotations: EFFECTS.reads,
    arguments: z.strictObject({ deployment_id: DEPLOYMENT_ID }),
    async call({ deployment_id: id }, { context }) {
      const found = await findDeployment(context, id);
      if (found === null)
        throw new DeploymentNotFoundError(id, { nearMisses: catalogue.findNearMisses(id) });
      const { name, description, inputSchema } = found;
      const duration = toDurationText(await context.engine.learning.readStats(id));
      const price = found.price && { ...found.price };
      return toResult({ id, name, description, duration, price, input_schema: inputSchema });
    },
  });
  const submitAny = createTool({
    name: "submit_job",
    scope: "jobs:submit",
    description: ({ viewer }) =>
      `Runs a deployment with an input that fits its schema: list_deployments and describe_deployment say what there is. ${toCostText(viewer)}`,
    annotations: EFFECTS.runs,
    arguments: z.strictObject({ deployment_id: DEPLOYMENT_ID, input: JSON_OBJECT, ...OPTIONS }),
    call: submit,
  });
  return [list, describe, submitAny];
}

function createCheckTool(): GatewayTool {
  return createTool({
    name: "check_input",
    scope: "jobs:submit",
    description: `Says what a submit would say of an input, without running anything: its issues, its warnings and what it would probably cost. ${ABSENT_COST}`,
    annotations: EFFECTS.reads,
    arguments: z.strictObject({ deployment_id: DEPLOYMENT_ID, input: JSON_OBJECT }),
    async call({ deployment_id: deploymentId, input }, { context }) {
      const checked = await checkInput(context, { deploymentId, input, spell });
      const [issues, warnings] = [toIssues(checked.issues), toIssues(checked.warnings)];
      const cost = toCost(await quote(context, checked));
      return toResult({ is_valid: issues.length === 0, issues, warnings, cost });
    },
  });
}

type Submit = {
  readonly deployment_id: string;
  readonly input: JsonObject;
  readonly new_run?: boolean | undefined;
  readonly idempotency_key?: string | undefined;
  readonly queue?: z.output<typeof OPTIONS.queue>;
};

/** Paths begin with the tool's argument, as those of arguments that don't fit do. */
const spell: Spelling = (path) => ["input", ...path];

/** Answers once RunComfy has accepted the job, or may have, or the job is HELD; a refusal rejects. */
async function submit(
  { queue, ...given }: Submit,
  { context, asTask }: ToolCall,
): Promise<CallToolResult> {
  const { job, warnings, wasThere } = await submitJob(context, {
    deploymentId: given.deployment_id,
    input: given.input,
    idempotencyKey: given.idempotency_key,
    repeats: given.new_run === true ? "noted" : "found",
    queue: queue && {
      priority: queue.priority ?? 0,
      sendAfter: toDate(queue.send_after),
      sendBefore: toDate(queue.send_before),
      hold: queue.hold ?? false,
    },
    spell,
  }).catch(toUnconfirmed);
  if (asTask !== null) return await asTask(job);
  const before = given.idempotency_key === undefined ? REPEATED : KEYED;
  const next = mayRead(context.viewer) ? "Call wait_for_job with the job's id." : "";
  const notes = wasThere === null ? [UNCONFIRMED] : [wasThere ? before : "", next];
  const note = notes.filter(Boolean).join(" ");
  // RunComfy may have accepted the job, so the caller must not take a failure for a refusal.
  return await toJobResult(job, context, { note, warnings }).catch(async () =>
    toResult({ job: await toBrief(job, context), note }),
  );
}

function toDate(time: string | undefined): Date | null {
  return time === undefined ? null : new Date(time);
}

function toUnconfirmed(error: unknown) {
  const job = error instanceof UpstreamError ? error.unconfirmedJob : null;
  if (job === null) throw error;
  return { job, warnings: [], wasThere: null };
}

const REPEATED =
  "This call repeats another, so this is that one's job, and nothing was paid again. Set new_run to true to run the same input once more.";
const KEYED =
  "This idempotency_key has a job already, so this is that one, and nothing was paid again. Use another idempotency_key to run the same input once more.";
const UNCONFIRMED =
  "RunComfy did not confirm this job, which may be running and cost money all the same. Don't submit it again; ask a person.";

function toPriceText({ price }: Deployment): string {
  if (price === null) return "";
  const { amount, unit, note } = price;
  return `Costs about $${amount} per ${unit}.${note === null ? "" : ` ${toSentence(note)}`}`;
}

/** The note is a person's, with or without a capital and a full stop. */
function toSentence(note: string): string {
  const text = note.charAt(0).toUpperCase() + note.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** How long a deployment usually takes; empty where nothing is known. */
function toDurationText({ runs, runSeconds }: RunStats): string {
  if (runSeconds === null) return "";
  const [half, most] = [runSeconds.p50, runSeconds.p90].map((one) => Math.max(1, Math.round(one)));
  return `Runs for about ${half} s, 9 of 10 for at most ${most} s (of the last ${runs}), once it has started.`;
}
