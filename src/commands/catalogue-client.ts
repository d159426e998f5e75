import { z } from "zod";

import { createChannels } from "../engine/diagnostics/channels.ts";
import { isIdentifier } from "../engine/job/job.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../engine/job/json.ts";
import { MODEL_ADAPTER } from "../engine/runcomfy/kinds/model/adapter.ts";
import { isModelId } from "../engine/runcomfy/kinds/model/model-id.ts";
import { PAYLOAD_BOUNDS, toDeploymentPath } from "../engine/runcomfy/read-deployments.ts";
import { RunComfyError } from "../engine/runcomfy/runcomfy-error.ts";
import { DEPLOYMENT_ERRORS, MODELS_OFF_STEP } from "../engine/runcomfy/services.ts";
import { createTransport } from "../engine/runcomfy/transport.ts";
import { SetupError } from "../runtime/coded-error.ts";

export type CatalogueClient = ReturnType<typeof createCatalogueClient>;

const MOST_MODELS = 100;
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
  const list = { call: "list", timeoutMs: PAYLOAD_BOUNDS.timeoutMs } as const;
  const ofDeployments = { ...list, errors: DEPLOYMENT_ERRORS };
  const ofModels = { ...list, errors: MODEL_ADAPTER.errors };
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
        ...PAYLOAD_BOUNDS,
        readReport: readAs(OBJECT),
      });
    } catch (error) {
      if (error instanceof RunComfyError) return null;
      throw error;
    }
  }

  return {
    async readModel(id: string): Promise<CatalogueModel> {
      const path = isModelId(id) ? `v1/models/${id}` : null;
      return await models()({ ...ofModels, path, readReport: readAs(CATALOGUE_MODEL) });
    },

    /** At most 100 models, and how many there are. */
    async searchModels(words: string) {
      const query = new URLSearchParams({ search: words, limit: String(MOST_MODELS) });
      const path = `v1/models?${query.toString()}`;
      return await models()({ ...ofModels, path, readReport: readAs(MODEL_LIST) });
    },

    async readDeployment(id: string): Promise<ListedDeployment> {
      const found = await perform({
        ...ofDeployments,
        ...PAYLOAD_BOUNDS,
        path: toDeploymentPath(id),
        readReport: readAs(DEPLOYMENT),
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
  .nullable()
  .catch(null);
const OBJECT = z.custom<JsonObject>(isJsonObject).nullable().catch(null);

/** A model, as the vendor's catalogue has it. */
export type CatalogueModel = z.infer<typeof CATALOGUE_MODEL>;

const CATALOGUE_MODEL = z
  .object({
    model_id: z.string().refine(isModelId),
    display_name: TEXT,
    description: TEXT,
    // Missing, zero or odd does not mean that it is free.
    base_price_usd: z.number().positive().nullable().catch(null),
    price_unit: TEXT,
    pricing_note: TEXT,
    input_schema: OBJECT,
  })
  .transform(({ model_id: id, base_price_usd: amount, price_unit: unit, ...item }) => ({
    id,
    name: item.display_name ?? id,
    description: item.description,
    price: amount !== null && unit !== null ? { amount, unit, note: item.pricing_note } : null,
    /** In the vendor's dialect; null where it was not asked for. */
    inputSchema: item.input_schema,
  }));

const MODEL_LIST = z
  .object({
    models: z.array(CATALOGUE_MODEL.nullable().catch(null)),
    total: z.int().nonnegative().nullable().catch(null),
  })
  .transform(({ models, total }) => {
    const found = models.filter((model) => model !== null);
    return { models: found, total: total ?? found.length };
  });

/** A deployment, as the vendor's list has it, and ComfyUI's description of its nodes; null where that could not be read. */
export type ListedDeployment = Omit<z.infer<typeof DEPLOYMENT>, "objectInfoUrl"> & {
  readonly objectInfo: JsonObject | null;
};

const DEPLOYMENT = z
  .object({
    id: z.string().refine(isIdentifier),
    name: TEXT,
    workflow_id: TEXT,
    payload: z
      .object({ workflow_api_json: OBJECT, object_info_url: TEXT })
      .nullish()
      .catch(undefined),
  })
  .transform(({ id, name, workflow_id: workflowId, payload }) => ({
    id,
    name: name ?? id,
    /** Without a payload, whether it has the id of a workflow. */
    hasWorkflow: payload === undefined ? workflowId !== null : !!payload?.workflow_api_json,
    /** The nodes of its workflow; null where it runs none, or the vendor does not show it. */
    graph: payload?.workflow_api_json ?? null,
    objectInfoUrl: payload?.object_info_url ?? null,
  }));

function readAs<Report>(form: z.ZodType<Report>): (body: JsonValue) => Report | null {
  return (body) => form.safeParse(body).data ?? null;
}
