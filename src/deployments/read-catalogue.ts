import { z } from "zod";

import { IDENTIFIER } from "../job/identifier.ts";
import type { InputPath } from "../job/input-issue.ts";
import { toPathText } from "../job/input-issue.ts";
import { JOB_ID_PREFIX } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import type { Catalogue, Deployment, InputContract, OutputContract } from "./catalogue.ts";
import { createCatalogue } from "./catalogue.ts";
import type { Checks } from "./create-checks.ts";
import { createChecks } from "./create-checks.ts";
import type { SchemaDocument } from "./json-schema.ts";
import type { ModelProfile } from "./model-profile.ts";
import { findModel, MODEL_NAMES, toInputSchema } from "./model-profile.ts";
import { didYouMean, nearMisses } from "./near-misses.ts";
import { readSchema } from "./read-schema.ts";
import { toSubmitField, toTypeName } from "./shape/graphql-names.ts";
import { allowsObject, toObjectShape } from "./shape/to-shape.ts";

/** `catalogue` is only meant to be used where there are no problems. */
type ReadCatalogue = {
  readonly catalogue: Catalogue;
  readonly entries: readonly unknown[];
  /** Each with its place in the file. */
  readonly problems: readonly string[];
  /** What can be used, though it hardly says what was meant. */
  readonly doubts: readonly string[];
};

/** Reads what a deployments file holds, as parsed JSON. */
export function readCatalogue(file: unknown): ReadCatalogue {
  const problems: string[] = [];
  const doubts: string[] = [];
  const notes: Notes = {
    report: (path, message) => void problems.push(`${locate(path)}: ${message}`),
    doubt: (path, message) => void doubts.push(`${locate(path)}: ${message}`),
  };
  const { deployments: entries = [], others = false } = FILE.partial().parse(
    takeReadable(file, FILE, notes),
  );
  const readEntry = createEntryReader(notes);
  const catalogue = createCatalogue(entries.map(readEntry), { hasOthers: others });
  return { catalogue, entries, problems, doubts };
}

type Note = (path: InputPath, message: string) => void;
type Notes = { readonly report: Note; readonly doubt: Note };

const FILE = z.object(
  {
    deployments: z.array(
      z.unknown(),
      "must be a list of deployments, each with its schema as inputSchema",
    ),
    others: z
      .boolean("must be true, for the upstream's other deployments to exist too, or false")
      .default(false),
  },
  'must be an object such as {"deployments":[{"id":"…","name":"…"}]}',
);

// Not zod's own objects: those drop keys such as `__proto__`.
const JSON_SCHEMA = z
  .custom<JsonObject>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "must be a JSON Schema object",
  )
  .nullable()
  .default(null);
const TEXT = z.string({
  error: ({ input }) => (input === undefined ? "is missing; it is required" : "must be a string"),
});
const ID = new RegExp(`^(?!${JOB_ID_PREFIX})${IDENTIFIER}$`);

const ENTRY = z.object(
  {
    id: TEXT.regex(ID, "must be 1 to 128 letters, digits, _ or -, and not start with job_"),
    name: TEXT.min(1, "must not be empty"),
    description: TEXT.nullable().default(null),
    model: TEXT.nullable().default(null),
    inputSchema: JSON_SCHEMA,
    outputSchema: JSON_SCHEMA,
  },
  'must be an object such as {"id":"…","name":"…"}',
);

/** The members of an object that can be read, whatever is wrong with the others, which is reported. */
function takeReadable(
  value: unknown,
  form: typeof FILE | typeof ENTRY,
  { report, doubt }: Notes,
): Readonly<Record<string, unknown>> {
  const issues = form.safeParse(value).error?.issues ?? [];
  for (const { path, message } of issues) report(path.map(String), message);
  const given = Object.entries(Object(value));
  const missing = Object.keys(form.shape).filter((key) => !given.some(([name]) => name === key));
  for (const [key] of given) {
    // What looks like nothing known may be a note to other readers of the file.
    const meant = Object.hasOwn(form.shape, key) ? [] : nearMisses(key, missing);
    if (meant.length > 0) doubt([key], `is not known${didYouMean(meant)}`);
  }
  const unreadable = new Set(issues.map(({ path }) => path[0]));
  return Object.fromEntries(given.filter(([key]) => !unreadable.has(key)));
}

/** Names that would make a field or a type that the gateway has itself. */
const RESERVED_TYPE_NAMES: ReadonlySet<string> = new Set(["Job", "Typed"]);

/** Reads the entries of one file, one after the other. */
function createEntryReader({
  report,
  doubt,
}: Notes): (entry: unknown, index: number) => Deployment {
  const checks = createChecks();
  const claimId = createRegister();
  const claimTypeName = createRegister();

  return (entry, index) => {
    const notes: Notes = {
      report: (path, message) => report(["deployments", index, ...path], message),
      doubt: (path, message) => doubt(["deployments", index, ...path], message),
    };
    const readable = ENTRY.partial().parse(takeReadable(entry, ENTRY, notes));
    const { id = "", name = "", description = null, model = null } = readable;
    const { inputSchema = null, outputSchema = null } = readable;
    const twin = claimId(id, index);
    if (twin !== null) {
      const listed = `${JSON.stringify(id)} is listed twice, in deployments[${twin}] too`;
      notes.report(["id"], `${listed}; keep one of them`);
    }
    const profile = model === null ? null : readModel(model, notes);
    const typeName = toTypeName(name, id);
    const isTyped = inputSchema !== null || profile !== null || outputSchema !== null;
    if (twin === null && name !== "" && isTyped) {
      const makes = `makes ${toSubmitField(typeName)}`;
      const namesake = claimTypeName(typeName, index);
      if (RESERVED_TYPE_NAMES.has(typeName)) {
        notes.report(["name"], `${makes} or ${typeName}Output, which the gateway has; rename it`);
      } else if (namesake !== null) {
        notes.report(["name"], `${makes}, as deployments[${namesake}] does; rename one of them`);
      }
    }
    const given = inputSchema && readDocument(inputSchema, "inputSchema", notes);
    const document = inputSchema === null ? profile && toDocument(profile) : given;
    const outputDocument = outputSchema && readDocument(outputSchema, "outputSchema", notes);
    if (document !== null && !allowsObject(document)) {
      const message = "allows no object, but an input always is one; describe its fields";
      notes.report(["inputSchema"], message);
    }
    const names = { name, typeName };
    return {
      ...{ id, name, description, model, outputSchema },
      inputSchema: inputSchema ?? (profile && toInputSchema(profile)),
      input: document && toInput(checks, document, { ...names, divisor: profile?.divisor ?? null }),
      output: outputDocument && toOutput(checks, outputDocument, names),
    };
  };
}

/** Notes who has what first; tells who has it already, or null. Nobody has nothing. */
function createRegister(): (key: string, index: number) => number | null {
  const owners = new Map<string, number>();
  return (key, index) => {
    const owner = owners.get(key);
    if (owner === undefined && key !== "") owners.set(key, index);
    return owner ?? null;
  };
}

function readModel(name: string, { report }: Notes): ModelProfile | null {
  const profile = findModel(name);
  if (profile === null) {
    const guess = didYouMean(nearMisses(name, MODEL_NAMES));
    const others = guess === "" ? `; the models are ${MODEL_NAMES.join(", ")}` : guess;
    report(["model"], `${JSON.stringify(name)} is no model that is built in${others}`);
  }
  return profile;
}

/** For people, and for GraphQL. */
type Names = { readonly name: string; readonly typeName: string };

function toInput(
  checks: Checks,
  document: SchemaDocument,
  { name, typeName, divisor }: Names & { readonly divisor: number | null },
): InputContract {
  const names = { typeName: `${typeName}Input`, otherwise: `What ${name} takes.` };
  const shape = toObjectShape(document, { ...names, isInput: true });
  const check = checks.inputCheck(document, { shape, divisor });
  return { submitField: toSubmitField(typeName), shape, check };
}

/** Null where GraphQL has no type for it. */
function toOutput(
  checks: Checks,
  document: SchemaDocument,
  { name, typeName }: Names,
): OutputContract | null {
  const names = { typeName: `${typeName}Output`, otherwise: `What ${name} gives.` };
  const shape = toObjectShape(document, { ...names, isInput: false });
  return shape && { shape, accepts: checks.outputCheck(document) };
}

function toDocument(profile: ModelProfile): SchemaDocument {
  return { draft: "2020-12", root: toInputSchema(profile), targets: new Map() };
}

function readDocument(
  schema: JsonObject,
  member: "inputSchema" | "outputSchema",
  { report, doubt }: Notes,
): SchemaDocument | null {
  const { document, problems, doubts } = readSchema(schema);
  for (const { path, message } of problems) report([member, ...path], message);
  for (const { path, message } of doubts) doubt([member, ...path], message);
  return document;
}

function locate(path: InputPath): string {
  return toPathText(path) || "the whole file";
}
