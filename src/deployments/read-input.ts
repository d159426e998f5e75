import type { JsonObject } from "../job/json.ts";
import type { JobKind } from "../job/kind.ts";
import { type Deployment, toSameBody } from "./catalogue.ts";
import { readMapping } from "./comfyui-inputs.ts";
import type { Entry, Notes } from "./entry-form.ts";
import type { SchemaDocument } from "./json-schema.ts";
import { readSchema } from "./read-schema.ts";
import { toJsonSchema } from "./vendor-schema.ts";

/** What an entry itself says of an input. */
type EntryInput = Pick<Deployment, "inputSchema" | "toBody"> & {
  /** Null where it says nothing, or where that was not understood. */
  readonly document: SchemaDocument | null;
};

/** Reads what an entry says of an input, as entries of its kind do. What is not understood is reported. */
export function readInput(entry: Entry, notes: Notes): EntryInput {
  return READERS[entry.kind](entry, notes);
}

const READERS: Readonly<Record<JobKind, (entry: Entry, notes: Notes) => EntryInput>> = {
  lora: ({ inputSchema }, notes) => readGiven(inputSchema, notes),
  model({ inputSchema }, notes) {
    if (inputSchema === null) notes.warn(["inputSchema"], UNCHECKED);
    return readGiven(inputSchema && toJsonSchema(inputSchema), notes);
  },
  comfyui({ inputs }, notes) {
    const { schema: mapped, toBody } = readMapping(inputs ?? {}, notes);
    const schema = toJsonSchema(mapped);
    const { document, problems } = readSchema(schema);
    // The schema's properties are the entry's inputs.
    for (const { path, message } of problems) notes.report(["inputs", ...path.slice(1)], message);
    return { inputSchema: schema, document, toBody };
  },
};

const UNCHECKED =
  "is missing, so the model's inputs are not checked before they cost money; `refresh --write` gets it";

function readGiven(schema: JsonObject | null, notes: Notes): EntryInput {
  const document = schema && readDocument(schema, "inputSchema", notes);
  return { inputSchema: schema, document, toBody: toSameBody };
}

/** Reads a schema of an entry; null where it is not understood, which is reported. */
export function readDocument(
  schema: JsonObject,
  member: "inputSchema" | "outputSchema",
  { report }: Notes,
): SchemaDocument | null {
  const { document, problems } = readSchema(schema);
  for (const { path, message } of problems) report([member, ...path], message);
  return document;
}
