import type { Deployment, InputContract } from "../deployments/catalogue.ts";
import type { ObjectShape, Shape, ValueShape } from "../deployments/shape/shape.ts";
import type { InputPath } from "../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonArray, isJsonObject } from "../job/json.ts";
import type { Builder } from "./builder.ts";
import type { GeneratedTypes } from "./generated-types.ts";
import { toSentence } from "./generated-types.ts";
import type { SubmitJobResultRef } from "./mutations.ts";
import { submit, submitOptions } from "./mutations.ts";

/** Adds the mutation of one deployment, whose input is typed as far as GraphQL can say it. */
export function addSubmitDeployment(
  builder: Builder,
  options: {
    readonly deployment: Deployment;
    readonly contract: InputContract;
    readonly types: GeneratedTypes;
    readonly submitJobResult: SubmitJobResultRef;
  },
): void {
  const { deployment, contract, types, submitJobResult } = options;
  const { shape } = contract;
  const { id: deploymentId, name, description } = deployment;
  const sentences = [
    `Submits a job to ${name.toWellFormed()}, as \`submitJob\` does.`,
    ...(description === null ? [] : [toSentence(description)]),
    ...(shape?.isOpen === true
      ? ["To send members that have no field in its input, use `submitJob`."]
      : []),
  ];

  builder.mutationField(contract.submitField, (t) =>
    t.field({
      type: submitJobResult,
      scope: "jobs:submit",
      description: sentences.join(" "),
      args: {
        input: t.arg({
          type: shape === null ? "JSON" : types.toInputType(shape),
          required: true,
          description:
            shape === null
              ? "An object that fits the deployment's `inputSchema`."
              : "The input; files are public https URLs, or uploads as `upload:ID`.",
        }),
        ...submitOptions(builder),
      },
      resolve: (_root, { input, ...given }, context) =>
        submit(context, given, (request) =>
          context.tracking.submitJob({
            ...request,
            deploymentId,
            input: shape === null ? input : toBody(shape, Object(input)),
            ...(shape && { spell: (path) => toTypedPath({ kind: "object", object: shape }, path) }),
          }),
        ),
    }),
  );
}

/** The upstream's body of a generated input. */
function toBody(object: ObjectShape, value: object): JsonObject {
  const members = object.fields.flatMap(({ name, graphqlName, shape }): [string, JsonValue][] => {
    // Only an own member: every object inherits a `constructor`.
    const member: JsonValue | undefined = Object.getOwnPropertyDescriptor(
      value,
      graphqlName,
    )?.value;
    // Null counts as left out, unless the upstream knows the difference.
    if (member === undefined || (member === null && !shape.isNullable)) return [];
    return [[name, toJson(shape, member)]];
  });
  return Object.fromEntries(members);
}

function toJson(shape: Shape, value: JsonValue): JsonValue {
  if (shape.kind === "object" && isJsonObject(value)) return toBody(shape.object, value);
  if (shape.kind !== "list" || !isJsonArray(value)) return value;
  return value.map((item) => toJson(shape.item, item));
}

/** How a caller of the generated mutation spells a path of the upstream's. */
function toTypedPath(shape: ValueShape, [first, ...rest]: InputPath): InputPath {
  if (first === undefined) return [];
  if (shape.kind === "list") return [first, ...toTypedPath(shape.item, rest)];
  const fields = shape.kind === "object" ? shape.object.fields : [];
  const field = fields.find(({ name }) => name === first);
  return field === undefined
    ? [first, ...rest]
    : [field.graphqlName, ...toTypedPath(field.shape, rest)];
}
