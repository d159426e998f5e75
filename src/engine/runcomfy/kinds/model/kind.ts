import { JOB_ID_PREFIX } from "../../../job/job.ts";
import { toJsonSchema } from "../../vendor-schema.ts";
import type { Kind } from "../kind.ts";
import { MODEL_ADAPTER } from "./adapter.ts";
import { isModelId } from "./model-id.ts";

/** Models of the Model API. */
export const MODEL: Kind = {
  name: "model",
  description: "A model of RunComfy's catalogue, over its Model API.",
  noun: "model",
  adapter: MODEL_ADAPTER,
  entry: ({ form, text, jsonSchema }) =>
    form({
      id: text.refine(
        (id) => isModelId(id) && !id.startsWith(JOB_ID_PREFIX),
        'must be a model\'s id, such as "blackforestlabs/flux-2/flash/text-to-image"',
      ),
      members: { inputSchema: jsonSchema },
      read({ inputSchema: vendor }, { warn }) {
        if (vendor === null) warn(["inputSchema"], UNCHECKED);
        return { inputSchema: vendor && toJsonSchema(vendor) };
      },
    }),
  seeds: null,
  foreign: null,
  mark: null,
  verify: {
    option: "model",
    help: "a model of RunComfy's catalogue; without it, the first one is read",
    usual: { prompt: "" },
  },
};

const UNCHECKED =
  "is missing, so the model's inputs are not checked before they cost money; `refresh --write` gets it";
