import type { z } from "zod";

import type { JsonObject } from "../job/json.ts";
import { JOB_KINDS, type JobKind } from "../job/kind.ts";
import { type Deployment, toSameBody } from "./catalogue.ts";
import { readMapping } from "./comfyui-inputs.ts";
import { ID, MEMBERS, MODEL_ID, type Notes, readForm, toEntryForm } from "./entry-form.ts";
import type { SchemaDocument } from "./json-schema.ts";
import { orList } from "./near-misses.ts";
import { readSchema } from "./read-schema.ts";
import { toJsonSchema } from "./vendor-schema.ts";

/** Reads one entry of a deployments file. Gives null where something is wrong with its form, which is reported. */
export function readEntry(entry: unknown, notes: Notes): Entry | null {
  const given: unknown = Object(entry).kind ?? "lora";
  const kind = JOB_KINDS.find((one) => one === given);
  if (kind !== undefined) return readForm(entry, KINDS[kind].form, notes);
  notes.report(["kind"], `must be ${orList(JOB_KINDS.map((one) => JSON.stringify(one)))}`);
  return null;
}

/** Reads what an entry says of an input, as entries of its kind do. What is not understood is reported. */
export function readInput(entry: Entry, notes: Notes): EntryInput {
  return KINDS[entry.kind].readInput(entry, notes);
}

type EntryForm = ReturnType<typeof toEntryForm>;

/** One entry of a deployments file whose form is right; null where it says nothing. */
type Entry = z.infer<EntryForm>;

/** What an entry itself says of an input. */
type EntryInput = Pick<Deployment, "inputSchema" | "toBody"> & {
  /** Null where it says nothing, or where that was not understood. */
  readonly document: SchemaDocument | null;
};

type EntryKind = {
  readonly form: EntryForm;
  readInput(entry: Entry, notes: Notes): EntryInput;
};

const { model, inputSchema, inputs, outputs } = MEMBERS;

const KINDS: Readonly<Record<JobKind, EntryKind>> = {
  lora: {
    form: toEntryForm("lora", ID, { model, inputSchema }),
    readInput: (entry, notes) => readGiven(entry.inputSchema, notes),
  },
  comfyui: {
    form: toEntryForm("comfyui", ID, { inputs, outputs }),
    readInput(entry, notes) {
      const { schema: mapped, toBody } = readMapping(entry.inputs ?? {}, notes);
      const schema = toJsonSchema(mapped);
      const { document, problems } = readSchema(schema);
      // The schema's properties are the entry's inputs.
      for (const { path, message } of problems) notes.report(["inputs", ...path.slice(1)], message);
      return { inputSchema: schema, document, toBody };
    },
  },
  model: {
    form: toEntryForm("model", MODEL_ID, { inputSchema }),
    readInput({ inputSchema: vendor }, notes) {
      if (vendor === null) notes.warn(["inputSchema"], UNCHECKED);
      return readGiven(vendor && toJsonSchema(vendor), notes);
    },
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
