import { type Answer, json, refusal } from "./answer.ts";
import type { Shapes } from "./output-shapes.ts";
import type { Model } from "./models.ts";
import { KEEP_WARM_MS, RUNNERS } from "./schedule.ts";
import type { Target } from "./target.ts";
import type { Targets } from "./targets.ts";

/** Answers what is asked of deployments and of models, but not of their requests. */
export function createLists({ deployments, models }: Targets, origin: string) {
  /** As the list of deployments shows it, with what is asked for beside. */
  function toRecord({ id, kind, name, workflow }: Target, includes: readonly string[]) {
    const { payload, readme } = workflow ?? {};
    const address = { object_info_url: `${origin}/object-info/${id}` };
    return {
      id,
      name,
      workflow_id: workflow && id,
      workflow_version: workflow && "v1",
      hardware: [kind === "comfyui" ? "ADA_80_PLUS" : "AMPERE_48"],
      min_instances: 0,
      max_instances: RUNNERS,
      queue_size: 1,
      keep_warm_duration_in_seconds: KEEP_WARM_MS / 1_000,
      status: "standby",
      is_enabled: true,
      created_at: DEPLOYED_AT,
      updated_at: DEPLOYED_AT,
      ...(includes.includes("payload") && payload && { payload: { ...payload, ...address } }),
      ...(includes.includes("readme") && readme !== undefined && { readme }),
    };
  }

  return {
    deployments(query: URLSearchParams, shapes: Shapes): Answer {
      const ids = query.getAll("ids");
      const wanted = [...deployments.values()].filter(
        ({ id }) => ids.length === 0 || ids.includes(id),
      );
      const records = wanted.map((target) => toRecord(target, query.getAll("includes")));
      return json(200, shapes.has("list-object") ? { deployments: records } : records);
    },

    deployment(id: string, query: URLSearchParams): Answer {
      const target = deployments.get(id);
      return target
        ? json(200, toRecord(target, query.getAll("includes")))
        : refusal(404_001, NO_SUCH);
    },

    /** ComfyUI's description of its nodes. */
    objectInfo(id: string): Answer {
      const info = deployments.get(id)?.workflow?.objectInfo;
      return info ? json(200, info) : refusal(404_001, NO_SUCH);
    },

    models(query: URLSearchParams): Answer {
      const words = query.get("search")?.toLowerCase().split(/\s+/) ?? [];
      const [category, kind] = [query.get("category"), query.get("kind")];
      const found = [...models.values()].filter(({ item, categories }) => {
        const text = JSON.stringify([item["model_id"], item["display_name"], item["description"]]);
        return (
          words.every((word) => text.toLowerCase().includes(word)) &&
          (category === null || categories.includes(category)) &&
          (kind === null || item["kind"] === kind)
        );
      });
      const limit = readCount(query.get("limit"), DEFAULT_LIMIT, MAX_LIMIT);
      const offset = readCount(query.get("offset"), 0, Infinity);
      const hasSchema = query.get("include_schema") === "true";
      const page = found.slice(offset, offset + limit);
      const items = page.map(({ item: { input_schema: schema, ...item } }) =>
        hasSchema ? Object.assign(item, { input_schema: schema }) : item,
      );
      return json(200, { models: items, total: found.length, limit, offset });
    },

    categories(): Answer {
      const all = [...models.values()].flatMap(({ categories }) => categories);
      return json(200, { categories: [...new Set(all)] });
    },

    model(id: string): Answer {
      const model: Model | undefined = models.get(id);
      return model ? json(200, model.item) : refusal(404_001, NO_SUCH);
    },
  };
}

const DEPLOYED_AT = "2025-07-01T09:00:00.000000";
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 500;
const NO_SUCH = "There is no such thing here. Take an id from the list.";

function readCount(text: string | null, fallback: number, most: number): number {
  const count = Number(text ?? fallback);
  return Number.isInteger(count) && count >= 0 ? Math.min(count, most) : fallback;
}
