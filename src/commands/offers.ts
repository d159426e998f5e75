import { COMMANDS } from "../config/commands.ts";
import { isJsonObject, type JsonObject, type JsonValue, toCanonicalJson } from "../job/json.ts";
import { isModelId } from "../job/kind.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import { SetupError } from "../runtime/coded-error.ts";
import type { CatalogueClient, CatalogueModel, ListedDeployment } from "./catalogue-client.ts";
import { hasInput, proposeInputs } from "./propose-inputs.ts";

/** What RunComfy has under an id, for the deployments file. */
export type Offer = {
  readonly entry: JsonObject;
  /** What is left to whoever adds it. */
  readonly remarks: readonly string[];
  /** An entry of before with what RunComfy alone decides; names and descriptions may be the operator's own. */
  renew(former: JsonObject): Renewed;
};

type Renewed = { readonly entry: JsonObject; readonly remarks: readonly string[] };

/** Whether anything in an entry came from RunComfy. */
export function isRenewable(entry: JsonValue): entry is JsonObject & { readonly id: string } {
  if (!isJsonObject(entry)) return false;
  const { id, inputs } = entry;
  return typeof id === "string" && (isModelId(id) || inputs !== undefined);
}

/** Asks for an id, which is a model's where it has slashes. Rejects with a sentence where there is no such thing. */
export async function readOffer(id: string, client: CatalogueClient): Promise<Offer> {
  try {
    return isModelId(id)
      ? toModelOffer({ ...(await client.readModel(id)), id })
      : toDeploymentOffer({ ...(await client.readDeployment(id)), id });
  } catch (cause) {
    if (!(cause instanceof RunComfyError) || cause.code !== "NOT_FOUND") throw cause;
    const step = isModelId(id)
      ? `has no such model. Find one with: ${COMMANDS.search} <words>`
      : "knows no such deployment of your account. Take its id from RunComfy's dashboard.";
    throw new SetupError(`${JSON.stringify(id)}: RunComfy ${step}`, { cause });
  }
}

function toModelOffer({ id, name, description, ...model }: CatalogueModel): Offer {
  const told = toTold(model);
  const entry = { id, kind: "model", name, ...(description !== null && { description }), ...told };
  return {
    entry,
    remarks:
      model.price === null ? [`RunComfy does not say what ${id} costs: it may be a lot.`] : [],
    renew(former) {
      // A schema does not go without another.
      const kept = Object.entries(former).filter(
        ([member]) => member !== "price" || "price" in told,
      );
      // What is the same stays as it is written, and members keep their places, so that only what has changed is shown.
      const changed = Object.entries(told).filter(
        ([member, value]) => toCanonicalJson(former[member] ?? null) !== toCanonicalJson(value),
      );
      const entry = { ...Object.fromEntries(kept), ...Object.fromEntries(changed) };
      return { entry, remarks: [] };
    },
  };
}

function toTold({ price, inputSchema }: Pick<CatalogueModel, "price" | "inputSchema">): JsonObject {
  const { note = null, ...amount } = price ?? {};
  return {
    ...(price !== null && { price: { ...amount, ...(note !== null && { note }) } }),
    ...(inputSchema !== null && { inputSchema }),
  };
}

function toDeploymentOffer({ id, name, hasWorkflow, graph, objectInfo }: ListedDeployment): Offer {
  if (hasWorkflow && graph === null)
    throw new SetupError(
      `${id} runs a workflow, which RunComfy does not show. Name its inputs by hand, as docs/deployments.md says.`,
    );
  const renew = (former: JsonObject): Renewed => ({
    entry: former,
    remarks: findGone(former, graph ?? {}).map(
      (gone) => `${id}: its workflow has no longer what the input ${gone} sets; correct it.`,
    ),
  });
  if (graph === null) return { entry: { id, name }, remarks: [NOTHING_TOLD], renew };
  const proposal = proposeInputs(graph, objectInfo ?? {});
  const count = Object.keys(proposal.others).length;
  return {
    entry: { id, kind: "comfyui", name, ...proposal },
    remarks: [
      ...(objectInfo === null ? [TYPES_GUESSED] : []),
      `Name the nodes whose files are the result in "outputs". ${count} more values of the workflow are under "others"; move to "inputs" what callers may set too.`,
    ],
    renew,
  };
}

const NOTHING_TOLD =
  'RunComfy does not say what it takes. Name its "model", or give its "inputSchema".';
const TYPES_GUESSED =
  "What ComfyUI says of its nodes could not be read, so types are taken from what is saved. Check them.";

/** The names of inputs that lead nowhere. */
function findGone({ inputs = null }: JsonObject, graph: JsonObject): readonly string[] {
  if (!isJsonObject(inputs)) return [];
  const gone = Object.entries(inputs).filter(([, target]) => {
    const { node, input } = isJsonObject(target) ? target : {};
    return !hasInput(graph, { node, input });
  });
  return gone.map(([name]) => name);
}
