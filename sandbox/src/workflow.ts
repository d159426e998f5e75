import { z } from "zod";

import { type BodyObject, type BodyProblem, isObject, NO_OBJECT } from "./body-check.ts";
import file from "./workflow.json" with { type: "json" };
import { RUN_INPUT, type RunInput } from "./schedule.ts";
import type { Target } from "./target.ts";

/** The sandbox's own workflow. */
export function loadWorkflow(): Target {
  const { id, name, readme, workflow_api_json: graph, object_info: objectInfo } = file;
  const payload = {
    workflow_api_json: graph,
    overrides: { "6": { inputs: { text: graph["6"].inputs.text } } },
  };
  const nodes = z.record(z.string(), NODE).parse(graph);
  const classes = z.record(z.string(), CLASS).parse(objectInfo);

  function check(body: BodyObject): readonly BodyProblem[] {
    const { overrides = {} } = body;
    if (!isObject(overrides)) return [problem(["overrides"], "Input must be object", "dict_type")];
    return Object.entries(overrides).flatMap(([node, override]) => {
      const known = nodes[node];
      if (known === undefined) return [problem(["overrides", node], "node not in workflow")];
      if (!isObject(override) || !isObject(override["inputs"]))
        return [problem(["overrides", node, "inputs"], "Input must be object", "dict_type")];
      return Object.entries(override["inputs"]).flatMap(([name, value]) => {
        const path = ["overrides", node, "inputs", name];
        const [type] = classes[known.class_type]?.input.required[name] ?? [];
        if (type === undefined) return [problem(path, "node has no such input")];
        return fits(type, value) ? [] : [problem(path, `Input should be ${String(type)}`)];
      });
    });
  }

  /** What ComfyUI only finds while it runs: values out of bounds, and choices that there are not. */
  function findNodeErrors(merged: Readonly<Record<string, BodyObject>>): string[] {
    return Object.entries(merged).flatMap(([node, inputs]) => {
      const type = nodes[node]?.class_type ?? "";
      return Object.entries(classes[type]?.input.required ?? {}).flatMap(
        ([name, [kind, bounds]]) => {
          const value = inputs[name];
          const { min = -Infinity, max = Infinity, image_upload: isFile = false } = bounds ?? {};
          if (Array.isArray(kind) && !isFile && !kind.includes(value))
            return [`node ${node}: ${name} not in list`];
          if (typeof value === "number" && (value < min || value > max))
            return [`node ${node}: ${name} out of bounds`];
          return [];
        },
      );
    });
  }

  return {
    id,
    kind: "comfyui",
    name,
    workflow: { payload, objectInfo, readme },
    isVideo: false,
    check(body) {
      if (!isObject(body)) return { isValid: false, problems: [NO_OBJECT] };
      const problems = check(body);
      if (problems.length > 0) return { isValid: false, problems };
      const merged = merge(nodes, body["overrides"]);
      return { isValid: true, input: toRunInput(merged, findNodeErrors(merged)) };
    },
    toFileNames: ({ num_frames: count }) => [
      ...Array.from({ length: Math.min(count, MAX_IMAGES) }, (_, index) => `${index}.png`),
      "0.webm",
      "9.webp",
    ],
    toOutput({ input, urls, shapes }) {
      const pictures = urls.slice(0, -2).map((url, index) => toItem(url, index, "output"));
      const [video = "", preview = ""] = urls.slice(-2);
      if (shapes.has("output-empty")) return { outputs: {} };
      const isSingle = shapes.has("output-objects");
      return {
        outputs: {
          "9": { images: isSingle ? pictures[0] : pictures },
          "12": { images: [toItem(preview, 0, "temp")] },
          "20": { gifs: [toItem(video, 0, "output")] },
          "38:42": { text: [[input.prompt]] },
        },
      };
    },
  };
}

/**
 * A workflow of a deployments file, of whose graph the sandbox knows only the nodes that the file names: it takes any body,
 * and makes a picture for each output.
 */
export function toUnknownWorkflow(entry: unknown): Target {
  const { id, name, inputs, outputs } = ENTRY.parse(entry);
  const nodes = outputs ?? ["9"];
  const payload = { workflow_api_json: toGraph(Object.values(inputs), nodes), overrides: {} };
  return {
    id,
    kind: "comfyui",
    name: name ?? id,
    workflow: { payload, objectInfo: {}, readme: "" },
    isVideo: false,
    check(body) {
      if (!isObject(body)) return { isValid: false, problems: [NO_OBJECT] };
      return { isValid: true, input: toRunInput(merge({}, body["overrides"]), []) };
    },
    toFileNames: () => nodes.map((_, index) => `${index}.png`),
    toOutput: ({ urls }) => ({
      outputs: Object.fromEntries(
        urls.map((url, index) => [nodes[index], { images: [toItem(url, index, "output")] }]),
      ),
    }),
  };
}

const NODE = z.object({ class_type: z.string(), inputs: z.record(z.string(), z.unknown()) });
const BOUNDS = z.object({
  min: z.number().optional(),
  max: z.number().optional(),
  image_upload: z.boolean().optional(),
});
const CLASS = z.object({
  input: z.object({
    required: z.record(
      z.string(),
      z
        .tuple([z.union([z.string(), z.array(z.unknown())])], BOUNDS)
        .transform(([kind, bounds]) => [kind, bounds] as const),
    ),
  }),
});
const ENTRY = z.object({
  id: z.string(),
  name: z.string().nullable().catch(null),
  inputs: z
    .record(
      z.string(),
      z.object({ node: z.string(), input: z.string(), default: z.unknown().optional() }),
    )
    .catch({}),
  outputs: z.array(z.string()).nullable().catch(null),
});
const MAX_IMAGES = 4;

/** A graph with these inputs of its nodes, at their defaults, and these nodes. */
function toGraph(
  inputs: readonly { readonly node: string; readonly input: string; readonly default?: unknown }[],
  outputs: readonly string[],
) {
  const nodes = new Set([...inputs.map(({ node }) => node), ...outputs]);
  const toInputs = (node: string) =>
    Object.fromEntries(
      inputs
        .filter((one) => one.node === node)
        .map(({ input, default: value = null }) => [input, value] as const),
    );
  return Object.fromEntries(
    Array.from(nodes, (node) => [node, { class_type: "Unknown", inputs: toInputs(node) }]),
  );
}

function problem(path: readonly string[], msg: string, type = "value_error"): BodyProblem {
  return { loc: ["body", ...path], msg, type };
}

/** Whether a value can be one of ComfyUI's type; a link to another node always can. */
function fits(type: unknown, value: unknown): boolean {
  if (Array.isArray(value) && value.length === 2) return true;
  if (type === "INT") return Number.isInteger(value);
  if (type === "FLOAT") return typeof value === "number";
  return type === "*" || typeof value === "string";
}

/** The inputs of each node, with what a body puts in their place. */
function merge(
  nodes: Readonly<Record<string, z.infer<typeof NODE>>>,
  overrides: unknown,
): Readonly<Record<string, BodyObject>> {
  const saved = Object.entries(nodes).map(([node, { inputs }]) => [node, inputs] as const);
  const merged: Record<string, BodyObject> = Object.fromEntries(saved);
  for (const [node, override] of Object.entries(isObject(overrides) ? overrides : {})) {
    const inputs = isObject(override) ? override["inputs"] : undefined;
    if (isObject(inputs)) merged[node] = { ...merged[node], ...inputs };
  }
  return merged;
}

/** By the names that inputs of ComfyUI's own nodes have, each of the first node that has it. */
function toRunInput(merged: Readonly<Record<string, BodyObject>>, errors: string[]): RunInput {
  const find = (name: string): unknown =>
    Object.values(merged).find((inputs) => inputs[name] !== undefined)?.[name];
  return RUN_INPUT.parse({
    prompt: find("text"),
    seed: find("seed"),
    width: find("width"),
    height: find("height"),
    sample_steps: find("steps"),
    num_frames: find("batch_size") ?? 1,
    errors,
  });
}

function toItem(url: string, index: number, type: "output" | "temp") {
  const extension = url.slice(url.lastIndexOf("."));
  const filename = `harbour_${String(index + 1).padStart(5, "0")}_${extension}`;
  return { url, filename, subfolder: "", type };
}
