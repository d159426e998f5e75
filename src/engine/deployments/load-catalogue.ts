import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { COMMANDS } from "../../config/commands.ts";
import { type InputPath, toPathText } from "../job/input.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import type { EntryMembers, Notes } from "../runcomfy/kinds/kind.ts";
import {
  type Catalogue,
  createCatalogue,
  type Deployment,
  type ObjectShape,
  toSameBody,
} from "./catalogue.ts";
import { createChecks } from "./create-checks.ts";
import { readFileForm } from "./entry-form.ts";
import type { SchemaDocument } from "./json-schema.ts";
import { findModel, MODEL_NAMES, type ModelProfile, toInputSchema } from "./model-profile.ts";
import { didYouMean, nearMisses } from "./near-misses.ts";
import { createFormReader, readDocument } from "./read-entry.ts";
import { toSubmitField, toTypeName } from "./graphql-names.ts";
import { allowsObject, toObjectShape } from "./to-shape.ts";

type LoadedCatalogue = {
  readonly catalogue: Catalogue;
  /** Sentences about what in the file is probably a mistake. */
  readonly warnings: readonly string[];
};

/** Whose jobs are to run: what the sandbox has said of a deployment is good for the sandbox alone. */
type Upstream = "runcomfy" | "sandbox";

/** Reads a file of `{"deployments":[{id,name,…}]}`. Rejects with one error that lists every problem. */
export async function loadCatalogue(
  file: string,
  upstream: Upstream,
  ofParts: readonly EntryMembers[] = [],
): Promise<LoadedCatalogue> {
  // Messages have the whole path: of a relative one nobody sees where it starts.
  const path = resolve(file);
  const { json } = await readDeploymentsJson(path);
  const { problems, ...loaded } = readCatalogue(json, upstream, ofParts);
  if (problems.length === 0) return loaded;
  const title = `The deployments file ${path} can't be used; correct it and start again:`;
  throw new Error([title, ...problems.map((problem) => `  ${problem}`)].join("\n"));
}

/** Reads a deployments file, whatever it holds, also as its text. Rejects with what is wrong, the failure as its cause. */
export async function readDeploymentsJson(
  path: string,
): Promise<{ readonly text: string; readonly json: JsonValue }> {
  try {
    const text = await readFile(path, "utf8");
    // Some editors put a mark in front.
    return { text, json: JSON.parse(text.replace(/^\uFEFF/, "")) };
  } catch (cause) {
    const what = cause instanceof SyntaxError ? "is not JSON" : "can't be read";
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `The deployments file ${path} ${what} (${reason}). Correct it or its path (DEPLOYMENTS_FILE or --deployments), or leave it out.`,
      { cause },
    );
  }
}

/** Reads what a deployments file holds, as parsed JSON; the catalogue is to be used only where there are no problems. */
export function readCatalogue(
  file: unknown,
  upstream: Upstream,
  ofParts: readonly EntryMembers[] = [],
): LoadedCatalogue & { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const warnings: string[] = [];
  const notes: Notes = {
    report: (path, message) => void problems.push(`${locate(path)}: ${message}`),
    warn: (path, message) => void warnings.push(`${locate(path)}: ${message}`),
  };
  const { deployments: entries, others } = readFileForm(file, notes) ?? NOTHING;
  if (entries.length === 0 && !others)
    notes.warn(["deployments"], "is empty, so nothing can be run; list your deployments");
  const readEntry = createEntryReader(notes, upstream, createFormReader(ofParts));
  const catalogue = createCatalogue(entries.flatMap(readEntry), { hasOthers: others });
  return { catalogue, problems, warnings };
}

const NOTHING = { deployments: [], others: false };

/** Reads the entries of one file, one after the other; nothing of one whose form is wrong. */
function createEntryReader(
  { report, warn }: Notes,
  upstream: Upstream,
  readForm: ReturnType<typeof createFormReader>,
): (entry: unknown, index: number) => readonly Deployment[] {
  const checks = createChecks();
  /** Which entry each id is of, and which entry, or the gateway itself, has a field or a type of each name. */
  const ids = new Map<string, string>();
  const types = new Map([
    ["Job", "the gateway"],
    ["Jobs", "the gateway"],
    ["Typed", "the gateway"],
  ]);

  return (entry, index) => {
    const notes: Notes = {
      report: (path, message) => report(["deployments", index, ...path], message),
      warn: (path, message) => warn(["deployments", index, ...path], message),
    };
    const form = readForm(entry, notes);
    if (form === null) return [];
    const { id, kind, name, description, price, atOnce, ofParts, outputSchema, readFacts } = form;
    if (form.from !== null && upstream !== form.from) notes.report(["from"], INVENTED);
    const self = `deployments[${index}]`;
    const twin = ids.get(id);
    ids.set(id, twin ?? self);
    if (twin !== undefined)
      notes.report(["id"], `${JSON.stringify(id)} is listed twice, in ${twin} too; keep one`);
    const { model = null, outputs = null, toBody = toSameBody, ...facts } = readFacts();
    const { inputSchema, toEntryPath = within("inputSchema") } = facts;
    const profile = model === null ? null : readModel(model, notes);
    const typeName = toTypeName(name, id);
    const submitField = toSubmitField(typeName);
    const given = inputSchema && readDocument(inputSchema, toEntryPath, notes);
    const isTyped = inputSchema !== null || profile !== null || outputSchema !== null;
    if (twin === undefined && isTyped) {
      const namesake = types.get(typeName);
      types.set(typeName, namesake ?? self);
      if (namesake !== undefined)
        notes.report(
          ["name"],
          `makes ${submitField} or ${typeName}Output, as ${namesake} does; rename it`,
        );
    }
    const ofModel = profile && toDocument(profile);
    const document = inputSchema === null ? ofModel : given;
    const outputDocument =
      outputSchema && readDocument(outputSchema, within("outputSchema"), notes);
    if (document !== null && !allowsObject(document)) {
      const message = "allows no object, but an input always is one; describe its fields";
      notes.report(["inputSchema"], message);
    }
    const takes = { typeName: `${typeName}Input`, otherwise: `What ${name} takes.` };
    const shape = document && toObjectShape(document, takes);
    if (facts.toEntryPath === undefined && given !== null && shape === null)
      notes.warn(["inputSchema"], SAYS_NOTHING);
    const check = document && checks.inputCheck(document, { shape, model: profile });
    const gives = { typeName: `${typeName}Output`, otherwise: `What ${name} gives.` };
    const outputShape = outputDocument && toObjectShape(outputDocument, gives);
    return [
      {
        ...{ id, kind, name, description, price, atOnce, model, outputs, outputSchema, toBody },
        ofParts,
        isInvented: form.from !== null,
        inputSchema: inputSchema ?? ofModel?.root ?? null,
        input: check && {
          submitField,
          shape,
          // A schema is not bound to say what its model has by default.
          defaults: toDefaults([ofModel && toObjectShape(ofModel, takes), shape]),
          check,
        },
        output: outputDocument &&
          outputShape && { shape: outputShape, accepts: checks.outputCheck(outputDocument) },
      },
    ];
  };
}

const INVENTED = `is the sandbox, so what the entry says is invented; replace it with: ${COMMANDS.refresh} --write`;

function toDocument(profile: ModelProfile) {
  const document = { draft: "2020-12", root: toInputSchema(profile), targets: new Map() } as const;
  return document satisfies SchemaDocument;
}

/** The defaults of all fields; where several shapes have one, the last counts. */
function toDefaults(shapes: readonly (ObjectShape | null)[]): JsonObject {
  const fields = shapes.flatMap((shape) => shape?.fields ?? []);
  return Object.fromEntries(
    fields.flatMap(({ name, default: initial }) =>
      initial === undefined ? [] : [[name, initial] as const],
    ),
  );
}

/** A document without fields may be an example of an input. */
const SAYS_NOTHING = "names no field; put the fields under properties, unless it has none";

function within(member: string) {
  return (path: InputPath): InputPath => [member, ...path];
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

function locate(path: InputPath): string {
  return toPathText(path) || "the whole file";
}
