import { z } from "zod";

import { createChannels } from "../diagnostics/channels.ts";
import type { Price } from "../deployments/catalogue.ts";
import { isIdentifier } from "../job/job.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";
import { isModelId } from "../job/kind.ts";
import { DEPLOYMENT_ERRORS } from "../runcomfy/kinds/lora.ts";
import { MODEL, MODELS_OFF_STEP } from "../runcomfy/kinds/model.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import { createTransport } from "../runcomfy/transport.ts";
import { SetupError } from "../runtime/coded-error.ts";

/** A model, as the vendor's catalogue has it. */
export type CatalogueModel = {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly price: Price | null;
  /** In the vendor's dialect; null where it was not asked for. */
  readonly inputSchema: JsonObject | null;
};

/** A deployment, as the vendor's list has it. */
export type ListedDeployment = {
  readonly id: string;
  readonly name: string;
  readonly hasWorkflow: boolean;
  /** The nodes of its workflow; null where it runs none, or the vendor does not show it. */
  readonly graph: JsonObject | null;
  /** What ComfyUI tells of its nodes; null where that could not be read. */
  readonly objectInfo: JsonObject | null;
};

export type CatalogueClient = ReturnType<typeof createCatalogueClient>;

const TIMEOUT_MS = 30_000;
const MOST_MODELS = 100;
/** Of a workflow, and of all nodes that are installed. */
const MAX_WORKFLOW_BYTES = 64 * 1_024 * 1_024;
const NEVER_PAUSED = { pausedForMs: () => 0, notePause: () => undefined };

/** Reads what the vendor lists. Each call rejects with a `RunComfyError`, or with a `SetupError` where models are off. */
export function createCatalogueClient(options: {
  readonly baseUrl: string;
  /** Null where models are off. */
  readonly modelUrl: string | null;
  readonly token: string;
}) {
  const { baseUrl, modelUrl, token } = options;
  const channels = createChannels();
  const connect = (url: string) =>
    createTransport({ baseUrl: url, token, health: NEVER_PAUSED, channels });
  const list = { call: "list", timeoutMs: TIMEOUT_MS } as const;
  const ofDeployments = { ...list, errors: DEPLOYMENT_ERRORS };
  const ofModels = { ...list, errors: MODEL.errors };
  const perform = connect(baseUrl);

  function models() {
    if (modelUrl === null)
      throw new SetupError(
        `Models are off, as RUNCOMFY_BASE_URL is not RunComfy's own. ${MODELS_OFF_STEP}`,
      );
    return connect(modelUrl);
  }

  /** Null where the token may not go there, or nothing can be read. */
  async function readObjectInfo(address: string): Promise<JsonObject | null> {
    const url = URL.parse(address);
    if (url === null || url.origin !== new URL(baseUrl).origin) return null;
    try {
      return await connect(url.origin)({
        ...ofDeployments,
        path: url.pathname.slice(1) + url.search,
        maxBytes: MAX_WORKFLOW_BYTES,
        readReport: toObject,
      });
    } catch (error) {
      if (error instanceof RunComfyError) return null;
      throw error;
    }
  }

  return {
    async readModel(id: string): Promise<CatalogueModel> {
      const path = isModelId(id) ? `v1/models/${id}` : null;
      return await models()({ ...ofModels, path, readReport: readModel });
    },

    /** At most 100 models, and how many there are. */
    async searchModels(words: string) {
      const query = new URLSearchParams({ search: words, limit: String(MOST_MODELS) });
      const path = `v1/models?${query.toString()}`;
      return await models()({ ...ofModels, path, readReport: readModels });
    },

    async readDeployment(id: string): Promise<ListedDeployment> {
      const path = isIdentifier(id) ? `prod/v2/deployments/${id}?includes=payload` : null;
      const found = await perform({
        ...ofDeployments,
        path,
        maxBytes: MAX_WORKFLOW_BYTES,
        readReport: readDeployment,
      });
      const { objectInfoUrl, ...deployment } = found;
      const objectInfo = objectInfoUrl === null ? null : await readObjectInfo(objectInfoUrl);
      return { ...deployment, objectInfo };
    },
  };
}

/** On one line, as it is shown in lists. */
const TEXT = z
  .string()
  .transform((text) => text.trim().replaceAll(/\s+/g, " "))
  .pipe(z.string().min(1))
  .nullish()
  .catch(null);
const OBJECT = z.custom<JsonObject>(isJsonObject).nullish().catch(null);

const MODEL_ITEM = z.object({
  model_id: z.string().refine(isModelId),
  display_name: TEXT,
  description: TEXT,
  // Missing, zero or odd does not mean that it is free.
  base_price_usd: z.number().positive().nullish().catch(null),
  price_unit: TEXT,
  pricing_note: TEXT,
  input_schema: OBJECT,
});

function readModel(body: JsonValue): CatalogueModel | null {
  const { data: item } = MODEL_ITEM.safeParse(body);
  if (item === undefined) return null;
  const { model_id: id, base_price_usd: amount, price_unit: unit } = item;
  return {
    id,
    name: item.display_name ?? id,
    description: item.description ?? null,
    price: amount && unit ? { amount, unit, note: item.pricing_note ?? null } : null,
    inputSchema: item.input_schema ?? null,
  };
}

const MODEL_LIST = z.object({
  models: z.array(z.custom<JsonValue>()),
  total: z.int().nonnegative().nullish().catch(null),
});

function readModels(body: JsonValue) {
  const { data: page } = MODEL_LIST.safeParse(body);
  if (page === undefined) return null;
  const found = page.models.flatMap((item) => readModel(item) ?? []);
  return { models: found, total: page.total ?? found.length };
}

const DEPLOYMENT = z.object({
  id: z.string().refine(isIdentifier),
  name: TEXT,
  workflow_id: TEXT,
  payload: z.object({ workflow_api_json: OBJECT, object_info_url: TEXT }).nullish().catch(null),
});

function readDeployment(body: JsonValue) {
  const { data: record } = DEPLOYMENT.safeParse(body);
  if (record === undefined) return null;
  const { id, name, workflow_id: workflowId, payload } = record;
  const graph = payload?.workflow_api_json ?? null;
  return {
    id,
    name: name ?? id,
    hasWorkflow: graph !== null || typeof workflowId === "string",
    graph,
    objectInfoUrl: payload?.object_info_url ?? null,
  };
}

function toObject(body: JsonValue): JsonObject | null {
  return isJsonObject(body) ? body : null;
}
