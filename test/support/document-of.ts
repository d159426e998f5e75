import { toPathText } from "../../src/engine/job/input.ts";
import type { InputIssue, Spelling } from "../../src/engine/job/input.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import { createChecks } from "../../src/engine/deployments/create-checks.ts";
import type { ModelProfile } from "../../src/engine/deployments/model-profile.ts";
import type { SchemaDocument } from "../../src/engine/deployments/json-schema.ts";
import { readSchema } from "../../src/engine/deployments/read-schema.ts";
import { toObjectShape } from "../../src/engine/deployments/to-shape.ts";

/** A schema that has no problems, as it is read from a file. */
export function documentOf(schema: JsonObject): SchemaDocument {
  const { document, problems } = readSchema(schema);
  if (document === null) throw new Error(toTexts(problems).join("\n"));
  return document;
}

/** Checks inputs as those of a deployment are checked whose file has this schema. */
export function checkOf(schema: JsonObject, model: ModelProfile | null = null) {
  const document = documentOf(schema);
  const shape = toObjectShape(document, {
    typeName: "GlowInput",
    otherwise: "Glow.",
  });
  const check = createChecks().inputCheck(document, { shape, model });
  return (input: JsonObject, spell: Spelling = (path) => path) => check(input, spell);
}

/** As a client sees them, `path: message`. */
export function toTexts(issues: readonly InputIssue[]): string[] {
  return issues.map(({ path, message }) => `${toPathText(path)}: ${message}`);
}

/** Spells paths as a generated mutation does. */
export const camelCase: Spelling = (path) =>
  path.map((segment) =>
    typeof segment === "string"
      ? segment.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
      : segment,
  );
