import { toJsonSchema } from "../../vendor-schema.ts";
import type { EntryForm, EntryTools } from "../kind.ts";
import { readMapping } from "./mapping.ts";

/** An entry of a workflow: which of its nodes' inputs callers may set, and whose files are the result. */
export function toWorkflowEntry(tools: EntryTools): EntryForm {
  const { z, form, id, text, anyObject } = tools;
  return form({
    id,
    members: {
      inputs: anyObject('must be an object such as {"prompt":{"node":"6","input":"text"}}'),
      outputs: z
        .array(
          text.min(1, "must be the id of a node"),
          'must be a list of ids of nodes, such as ["9"]',
        )
        .min(1, "must name a node; leave outputs out for every node that saves files")
        .nullable()
        .default(null),
    },
    read({ inputs, outputs }, notes) {
      const { schema, toBody } = readMapping(inputs ?? {}, tools, notes);
      // The schema's properties are the entry's inputs.
      const toEntryPath = (path: readonly (string | number)[]) => ["inputs", ...path.slice(1)];
      return { inputSchema: toJsonSchema(schema), toEntryPath, toBody, outputs };
    },
  });
}
