import { COMMANDS } from "../config/commands.ts";
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  toCanonicalJson,
} from "../engine/job/json.ts";
import { isModelId } from "../engine/runcomfy/kinds/model/model-id.ts";
import { RunComfyError } from "../engine/runcomfy/runcomfy-error.ts";
import { SetupError } from "../runtime/coded-error.ts";
import type { CatalogueClient, CatalogueModel, ListedDeployment } from "./catalogue-client.ts";
import { hasInput, proposeInputs } from "./propose-inputs.ts";

/** An entry for a deployments file, and what is left for its operator to fill in. */
type Result = { readonly entry: JsonValue; readonly remarks: readonly string[] };

type Asked = {
  readonly client: CatalogueClient;
  /** Whether the client asks the sandbox. */
  readonly isSandbox: boolean;
};

/** The entry for what has an id. Rejects with a sentence if nothing has it. */
export async function findEntry(id: string, asked: Asked) {
  const found = await ask(id, asked);
  return "graph" in found ? toDeploymentEntry(found) : toModelEntry(found);
}

/** What marks an entry that says what the sandbox has invented. */
export const INVENTED = { from: "sandbox" } as const;

export function isInvented(entry: JsonValue): boolean {
  return isJsonObject(entry) && entry["from"] === INVENTED.from;
}

/**
 * An entry with what RunComfy alone decides; names and descriptions may be the operator's own. What RunComfy no longer
 * has, or can't be asked about, stays as it was, so that the other entries are renewed all the same. The sandbox renews
 * only what it has invented, and RunComfy replaces that.
 */
export async function renewEntry(entry: JsonValue, asked: Asked): Promise<Result> {
  const { isSandbox } = asked;
  const isReplaced = !isSandbox && isInvented(entry);
  if (!isRenewable(entry) || (isSandbox && !isInvented(entry))) return { entry, remarks: [] };
  try {
    if (isReplaced) return await replaceEntry(entry, asked);
    const found = await ask(entry.id, asked);
    return "graph" in found
      ? { entry, remarks: findMissingInputs(entry, found.graph ?? {}) }
      : { entry: renewModelEntry(entry, toChangingMembers(found)), remarks: [] };
  } catch (error) {
    if (error instanceof SetupError)
      return { entry, remarks: [error.message + (isReplaced ? OR_TAKE_OUT : "")] };
    if (!(error instanceof RunComfyError)) throw error;
    return { entry, remarks: [`${entry.id} stays as it is. ${error.message}`] };
  }
}

type Renewable = JsonObject & { readonly id: string };

/** Whether anything in an entry came from RunComfy. */
function isRenewable(entry: JsonValue): entry is Renewable {
  if (!isJsonObject(entry)) return false;
  const { id, inputs } = entry;
  return typeof id === "string" && (isModelId(id) || inputs !== undefined || isInvented(entry));
}

/** Members that the sandbox has invented. */
const INVENTIONS = new Set(["from", "kind", "price", "inputSchema", "inputs", "others"]);
const OR_TAKE_OUT = " Or take it out of the file, as only the sandbox has it.";

/** In the place of what the sandbox has invented, what RunComfy says. */
async function replaceEntry(former: Renewable, asked: Asked): Promise<Result> {
  const { entry, remarks } = await findEntry(former.id, asked);
  const { name = entry.name, description = null } = former;
  const next: JsonObject = { ...entry, name, ...(description !== null && { description }) };
  // Members keep their places, so that only what has changed is shown.
  const kept = Object.entries(former).filter(([one]) => !INVENTIONS.has(one) || one in next);
  return { entry: { ...Object.fromEntries(kept), ...next }, remarks };
}

/** Asks for an id, which is a model's where it has slashes. */
async function ask(
  id: string,
  { client, isSandbox }: Asked,
): Promise<CatalogueModel | ListedDeployment> {
  const isModel = isModelId(id);
  try {
    const facts = isModel ? await client.readModel(id) : await client.readDeployment(id);
    const found = { ...facts, id };
    if (!("graph" in found) || found.graph !== null || !found.hasWorkflow) return found;
  } catch (cause) {
    if (!(cause instanceof RunComfyError) || cause.code !== "NOT_FOUND") throw cause;
    const noDeployment = isSandbox ? NO_DEPLOYMENT_HERE : NO_DEPLOYMENT;
    const missing = `${isSandbox ? "The sandbox" : "RunComfy"} ${isModel ? NO_MODEL : noDeployment}`;
    throw new SetupError(`${JSON.stringify(id)}: ${missing}`, { cause });
  }
  throw new SetupError(
    `${id} runs a workflow, which RunComfy does not show. Name its inputs by hand, as docs/deployments.md says.`,
  );
}

const NO_MODEL = `has no such model. Find one with: ${COMMANDS.search} <words>`;
const NO_DEPLOYMENT =
  "knows no such deployment of your account. Take its id from RunComfy's dashboard.";
const NO_DEPLOYMENT_HERE =
  "knows no such deployment. To ask RunComfy, set RUNCOMFY_API_TOKEN and leave out UPSTREAM.";

function toModelEntry({ id, name, description, ...model }: CatalogueModel) {
  const about = { id, kind: "model", name, ...(description !== null && { description }) };
  return {
    entry: { ...about, ...toChangingMembers(model) },
    remarks:
      model.price === null ? [`RunComfy does not say what ${id} costs: it may be a lot.`] : [],
  };
}

/** What RunComfy decides for a model, as far as it publishes it. */
function toChangingMembers({
  price,
  inputSchema,
}: Pick<CatalogueModel, "price" | "inputSchema">): JsonObject {
  const { note = null, ...amount } = price ?? {};
  return {
    ...(price !== null && { price: { ...amount, ...(note !== null && { note }) } }),
    ...(inputSchema !== null && { inputSchema }),
  };
}

function renewModelEntry(former: JsonObject, members: JsonObject): JsonObject {
  // A price that is no longer listed may have changed; a schema stays until there is another.
  const kept = Object.entries(former).filter(([name]) => name !== "price" || "price" in members);
  // What is the same stays as it is written, and members keep their places, so that only what has changed is shown.
  const changed = Object.entries(members).filter(
    ([name, value]) => toCanonicalJson(former[name] ?? null) !== toCanonicalJson(value),
  );
  return { ...Object.fromEntries(kept), ...Object.fromEntries(changed) };
}

function toDeploymentEntry({ id, name, graph, objectInfo }: ListedDeployment) {
  if (graph === null) return { entry: { id, name }, remarks: [NOTHING_TOLD] };
  const proposal = proposeInputs(graph, objectInfo ?? {});
  const count = Object.keys(proposal.others).length;
  return {
    entry: { id, kind: "comfyui", name, ...proposal },
    remarks: [
      ...(objectInfo === null ? [TYPES_GUESSED] : []),
      `Name the nodes whose files are the result in "outputs". ${count} more values of the workflow are under "others"; move to "inputs" what callers may set too.`,
    ],
  };
}

const NOTHING_TOLD =
  'RunComfy does not say what it takes. Name its "model", or give its "inputSchema".';
const TYPES_GUESSED =
  "What ComfyUI says of its nodes could not be read, so types are taken from what is saved. Check them.";

/** A sentence for each input that leads nowhere. */
function findMissingInputs({ id, inputs = null }: Renewable, graph: JsonObject) {
  const missing = Object.entries(isJsonObject(inputs) ? inputs : {}).filter(([, target]) => {
    const { node, input } = isJsonObject(target) ? target : {};
    return !hasInput(graph, { node, input });
  });
  return missing.map(
    ([name]) => `${id}: its workflow has no longer what the input ${name} sets; correct it.`,
  );
}
