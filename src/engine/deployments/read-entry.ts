import { z } from "zod";

import type { InputPath } from "../job/input.ts";
import { IDENTIFIER, isIdentifier, JOB_ID_PREFIX } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import { DEFAULT_KIND, findKindById } from "../runcomfy/kinds/find-kind.ts";
import type { EntryForm, EntryMembers, EntryTools, Kind, Notes } from "../runcomfy/kinds/kind.ts";
import { KINDS } from "../runcomfy/kinds/kinds.ts";
import { anyObject, readForm, TEXT } from "./entry-form.ts";
import type { SchemaDocument } from "./json-schema.ts";
import { orList } from "./near-misses.ts";
import { readSchema } from "./read-schema.ts";

/**
 * Reads entries of a deployments file, with the members that parts add. Gives null where something is wrong with an entry's
 * form, which is reported, as is what `readFacts` does not understand.
 */
export function createFormReader(parts: readonly EntryMembers[]) {
  const forms = OWN.map(({ kind, own }) => {
    const added: z.ZodRawShape = Object.assign({}, ...parts.map((part) => part(TOOLS, kind)));
    const names = new Set(Object.keys(added));
    return { kind, own, added: names, whole: toWholeForm(kind, own, added) };
  });

  return (entry: unknown, notes: Notes) => {
    const given: unknown = Object(entry).kind ?? DEFAULT_KIND.name;
    const found = forms.find(({ kind }) => kind.name === given);
    if (found === undefined) {
      notes.report(["kind"], `must be ${orList(KINDS.map(({ name }) => JSON.stringify(name)))}`);
      return null;
    }
    const { kind, own, added, whole } = found;
    const common = readForm(entry, whole, notes);
    return (
      common && {
        ...common,
        kind: kind.name,
        ofParts: Object.fromEntries(Object.entries(common).filter(([name]) => added.has(name))),
        readFacts: () => own.read(entry, notes),
      }
    );
  };
}

/** Reads a schema that an entry has; null where it is not understood, which is reported at its place in the entry. */
export function readDocument(
  schema: JsonObject,
  toEntryPath: (path: InputPath) => InputPath,
  { report }: Notes,
): SchemaDocument | null {
  const { document, problems } = readSchema(schema);
  for (const { path, message } of problems) report(toEntryPath(path), message);
  return document;
}

const ID = TEXT.regex(new RegExp(`^(?!${JOB_ID_PREFIX})${IDENTIFIER}$`), {
  error({ input }) {
    const kind = isIdentifier(input) ? null : findKindById(input);
    return kind === null
      ? "must be 1 to 128 letters, digits, _ or -, and not start with job_"
      : `is a ${kind.noun}'s id; add "kind": ${JSON.stringify(kind.name)} to its entry`;
  },
});

const PRICE = z
  .object(
    {
      // Zero would promise that it is free, which no catalogue does.
      amount: z
        .number("must be a number of US dollars")
        .positive("must be above 0; leave price out where it is not known"),
      unit: TEXT.min(1, 'must say what is counted, such as "output" or "second"'),
      note: TEXT.nullable().default(null),
    },
    'must be an object such as {"amount":0.04,"unit":"output"}',
  )
  .nullable()
  .default(null);

const MAX_AT_ONCE = 10_000;
const AT_ONCE_RULE = `must be a whole number from 1 to ${MAX_AT_ONCE}; leave it out where there is no limit`;
const AT_ONCE = z
  .int(AT_ONCE_RULE)
  .min(1, AT_ONCE_RULE)
  .max(MAX_AT_ONCE, AT_ONCE_RULE)
  .nullable()
  .default(null);

const JSON_SCHEMA = anyObject("must be a JSON Schema object");

/** The form of an entry of this kind, in which no member of another kind has a value. */
function toWholeForm({ name }: Kind, { id, members }: EntryForm, added: z.ZodRawShape) {
  const none = z
    .null(`says nothing of the kind ${name}; leave it out, or correct kind`)
    .default(null);
  const names = OWN.flatMap(({ own }) => Object.keys(own.members));
  const others = Object.fromEntries(names.map((member) => [member, none]));
  return z.object(
    {
      id,
      kind: z.unknown().optional(),
      name: TEXT.min(1, "must not be empty"),
      description: TEXT.nullable().default(null),
      price: PRICE,
      atOnce: AT_ONCE,
      ...{ ...others, ...members, ...added },
      outputSchema: JSON_SCHEMA,
      from: z
        .literal(
          "sandbox",
          'must be "sandbox"; leave it out where RunComfy or you have said the rest',
        )
        .nullable()
        .default(null),
      // For operators who want to move some of them to the inputs.
      others: z.unknown().optional(),
    },
    'must be an object such as {"id":"…","name":"…"}',
  );
}

const TOOLS: EntryTools = {
  ...{ z, text: TEXT, id: ID, anyObject, jsonSchema: JSON_SCHEMA },
  form({ id, members, read }) {
    const form = z.object(members);
    return { id, members, read: (entry, notes) => read(form.parse(entry), notes) };
  },
};

const OWN = KINDS.map((kind) => ({ kind, own: kind.entry(TOOLS) }));
