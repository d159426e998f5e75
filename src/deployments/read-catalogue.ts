import { z } from "zod";

import { IDENTIFIER } from "../job/identifier.ts";
import { toPathText } from "../job/input-issue.ts";
import { JOB_ID_PREFIX } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import type { Catalogue, Deployment } from "./catalogue.ts";
import { createCatalogue } from "./catalogue.ts";
import type { InputContract, OutputContract } from "./contract.ts";
import type { Checks } from "./check/create-checks.ts";
import { createChecks } from "./check/create-checks.ts";
import { toSubmitField, toTypeName } from "./shape/graphql-names.ts";
import type { ModelProfile } from "./model-profile.ts";
import { findModel, MODEL_NAMES, toInputSchema } from "./model-profile.ts";
import { didYouMean, nearMisses } from "./near-misses.ts";
import { readSchema } from "./read/read-schema.ts";
import { allowsObject } from "./schema-facts.ts";
import type { ObjectShape } from "./shape/shape.ts";
import { toInputShape, toOutputShape } from "./shape/to-shape.ts";

/** `catalogue` is only meant to be used where there are no problems. */
type ReadCatalogue = {
  readonly catalogue: Catalogue;
  readonly entries: readonly unknown[];
  /** Each with its place in the file. */
  readonly problems: readonly string[];
  /** What can be used as it is, and is hardly meant so. */
  readonly doubts: readonly string[];
};

/** Reads what a deployments file holds, as parsed JSON. */
export function readCatalogue(file: unknown): ReadCatalogue {
  const listed = FILE.safeParse(file);
  if (!listed.success) {
    const problems = listed.error.issues.map(({ path, message }) => `${locate(path)}: ${message}`);
    return { catalogue: createCatalogue([]), entries: [], problems, doubts: [] };
  }
  const problems: string[] = [];
  const doubts: string[] = [];
  doubtUnknownMembers(file, FILE, ([key], message) => doubts.push(`${String(key)}: ${message}`));
  const readEntry = createEntryReader();
  const deployments = listed.data.deployments.flatMap((entry, index) => {
    const takeDown =
      (list: string[]): Report =>
      (path, message) =>
        list.push(`${locate(["deployments", index, ...path])}: ${message}`);
    return readEntry(entry, index, takeDown(problems), takeDown(doubts)) ?? [];
  });
  return {
    catalogue: createCatalogue(deployments, { hasOthers: listed.data.others }),
    entries: listed.data.deployments,
    problems,
    doubts,
  };
}

/** Takes down a problem or a doubt; `path` is in the entry. */
type Report = (path: readonly PropertyKey[], message: string) => void;
type Reports = { readonly report: Report; readonly doubt: Report };

/** Names that would make a field or a type that the gateway has itself. */
const RESERVED_TYPE_NAMES: ReadonlySet<string> = new Set(["Job", "Typed"]);

/** Reads the entries of one file, one after the other; null where something is wrong with one. */
function createEntryReader() {
  const checks = createChecks();
  const claimId = createRegister();
  const claimTypeName = createRegister();

  return (entry: unknown, index: number, report: Report, doubt: Report): Deployment | null => {
    const strict = ENTRY.safeParse(entry);
    for (const { path, message } of strict.error?.issues ?? []) report(path, message);
    doubtUnknownMembers(entry, ENTRY, doubt);
    // Whatever is wrong with one member, the others are looked at too.
    const { id, name, model, inputSchema, outputSchema } = LENIENT.parse(entry);
    const twin = claimId(id, index);
    if (twin !== null) {
      const listed = `${JSON.stringify(id)} is listed twice, in deployments[${twin}] too`;
      report(["id"], `${listed}; keep one of them`);
    }
    const profile = model === null ? null : readModel(model, report);
    const document = inputSchema ?? (profile && toInputSchema(profile));
    const typeName = toTypeName(name, id);
    if (twin === null && name !== "" && (document ?? outputSchema) !== null) {
      const field = toSubmitField(typeName);
      const namesake = claimTypeName(typeName, index);
      if (RESERVED_TYPE_NAMES.has(typeName)) {
        report(
          ["name"],
          `makes ${field} or ${typeName}Output, a name that the gateway has itself; rename it`,
        );
      } else if (namesake !== null) {
        report(["name"], `makes ${field}, as deployments[${namesake}] does; rename one of them`);
      }
    }
    const names = { name, typeName };
    const input = document && readInput(checks, document, names, profile, { report, doubt });
    const output = outputSchema && readOutput(checks, outputSchema, names, { report, doubt });
    return strict.success ? { ...strict.data, inputSchema: document, input, output } : null;
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

function doubtUnknownMembers(
  value: unknown,
  form: typeof ENTRY | typeof FILE,
  doubt: Report,
): void {
  const given = Object.keys(RECORD.parse(value));
  const missing = Object.keys(form.shape).filter((key) => !given.includes(key));
  for (const key of given) {
    // What looks like nothing known may be a note to other readers of the file.
    const meant = Object.hasOwn(form.shape, key) ? [] : nearMisses(key, missing);
    if (meant.length > 0) doubt([key], `is not known${didYouMean(meant)}`);
  }
}

function readModel(name: string, report: Report): ModelProfile | null {
  const profile = findModel(name);
  if (profile === null) {
    const guess = didYouMean(nearMisses(name, MODEL_NAMES));
    const others = guess === "" ? `; the models are ${MODEL_NAMES.join(", ")}` : guess;
    report(["model"], `${JSON.stringify(name)} is no model that is built in${others}`);
  }
  return profile;
}

function readInput(
  checks: Checks,
  document: JsonObject,
  { name, typeName }: Names,
  profile: ModelProfile | null,
  { report, doubt }: Reports,
): InputContract | null {
  const { schema, problems, doubts } = readSchema(document);
  for (const { path, message } of problems) report(["inputSchema", ...path], message);
  for (const { path, message } of doubts) doubt(["inputSchema", ...path], message);
  if (problems.length > 0) return null;
  if (!allowsObject(schema)) {
    report(["inputSchema"], "allows no object, but an input always is one; describe its fields");
    return null;
  }
  return {
    submitField: toSubmitField(typeName),
    shape: describeShape(toInputShape(schema, `${typeName}Input`), `What ${name} takes.`),
    check: checks.inputCheck(schema, { divisor: profile?.divisor ?? null }),
  };
}

/** Null where GraphQL has no type for it, too. */
function readOutput(
  checks: Checks,
  document: JsonObject,
  { name, typeName }: Names,
  { report, doubt }: Reports,
): OutputContract | null {
  const { schema, problems, doubts } = readSchema(document);
  for (const { path, message } of problems) report(["outputSchema", ...path], message);
  for (const { path, message } of doubts) doubt(["outputSchema", ...path], message);
  if (problems.length > 0) return null;
  const shape = describeShape(toOutputShape(schema, `${typeName}Output`), `What ${name} gives.`);
  return shape && { shape, accepts: checks.outputCheck(schema) };
}

/** For people, and for GraphQL. */
type Names = { readonly name: string; readonly typeName: string };

function describeShape(shape: ObjectShape | null, otherwise: string): ObjectShape | null {
  return shape && { ...shape, description: shape.description ?? otherwise };
}
function toProblem({ input }: { readonly input?: unknown }): string {
  return input === undefined ? "is missing; it is required" : "must be a string";
}

// Not zod's own objects: those drop keys such as `__proto__`.
const JSON_SCHEMA = z
  .custom<JsonObject>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "must be a JSON Schema object",
  )
  .nullable()
  .default(null);

const ENTRY = z.object(
  {
    id: z
      .string({ error: toProblem })
      .regex(
        new RegExp(`^(?!${JOB_ID_PREFIX})${IDENTIFIER}$`),
        "must be 1 to 128 letters, digits, _ or -, and not start with job_",
      ),
    name: z.string({ error: toProblem }).min(1, "must not be empty"),
    description: z
      .string("must be a string")
      .transform((text) => (text.trim() === "" ? null : text))
      .nullable()
      .default(null),
    model: z.string("must be a string").nullable().default(null),
    inputSchema: JSON_SCHEMA,
    outputSchema: JSON_SCHEMA,
  },
  'must be an object such as {"id":"…","name":"…"}',
);

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

/** As much of an entry as can be read. */
const LENIENT = z
  .object({
    id: z.string().catch(""),
    name: z.string().catch(""),
    model: z.string().nullable().catch(null),
    inputSchema: JSON_SCHEMA.catch(null),
    outputSchema: JSON_SCHEMA.catch(null),
  })
  .catch({ id: "", name: "", model: null, inputSchema: null, outputSchema: null });

const RECORD = z.record(z.string(), z.unknown()).catch({});

function locate(path: readonly PropertyKey[]): string {
  const segments = path.map((segment) => (typeof segment === "number" ? segment : String(segment)));
  return toPathText(segments) || "the whole file";
}
