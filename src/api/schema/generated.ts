import type {
  InputFieldBuilder,
  InputRef,
  InputTypeParam,
  ObjectFieldBuilder,
  TypeParam,
} from "@pothos/core";

import type {
  Catalogue,
  Deployment,
  EnumShape,
  FieldShape,
  InputContract,
  ObjectShape,
  Shape,
  ValueShape,
} from "../../engine/deployments/catalogue.ts";
import type { InputPath } from "../../engine/job/input.ts";
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from "../../engine/job/json.ts";
import { submitJob } from "../../engine/use-cases/submit-jobs.ts";
import type { Builder } from "./builder.ts";
import { readOutput } from "./job-type.ts";
import {
  type SubmitArguments,
  type SubmitJobResultRef,
  toSubmit,
  toSubmitArguments,
} from "./submit.ts";

type Types = Builder["$inferSchemaTypes"];

/** Adds what comes from the catalogue's schemas and models: a mutation for each deployment, and `Job.typedOutput`. */
export function addGenerated(
  builder: Builder,
  {
    catalogue,
    ...submits
  }: {
    readonly catalogue: Catalogue;
    readonly submitJobResult: SubmitJobResultRef;
    readonly submitOptions: SubmitArguments;
  },
): void {
  const { deployments } = catalogue;
  if (deployments.every(({ input, output }) => input === null && output === null)) return;
  const types = createGeneratedTypes(builder);
  for (const deployment of deployments) {
    const { input: contract } = deployment;
    if (contract === null) continue;
    addSubmitDeployment(builder, { deployment, contract, types, ...submits });
  }
  addTypedOutput(builder, { catalogue, types });
}

type GeneratedTypes = ReturnType<typeof createGeneratedTypes>;

/** Makes the GraphQL types of shapes; the same shape is always the same type. */
function createGeneratedTypes(builder: Builder) {
  const toEnumType = memoize((shape: EnumShape) =>
    builder.enumType(shape.typeName, {
      description: describeType(shape, "The values that RunComfy accepts here."),
      values: Object.fromEntries(
        shape.values.map(({ graphqlName, value }) => [
          graphqlName,
          { value, description: `Sent as ${JSON.stringify(value)}.` },
        ]),
      ),
    }),
  );

  const toInputType = memoize((object: ObjectShape): InputRef<object> =>
    builder.inputType(object.typeName, {
      description: describeType(object, "What RunComfy accepts here."),
      fields: (t) =>
        mapFields(object, (field) =>
          t.field({
            type: toInputParam(t, field.shape),
            // GraphQL has no "required, but may be null"; the check behind it does.
            required: field.isRequired && !field.shape.isNullable,
            description: describeInputField(field),
          }),
        ),
    }),
  );

  const toOutputType = memoize((object: ObjectShape) =>
    builder.objectRef<JsonObject>(object.typeName).implement({
      description: describeType(object, "What RunComfy returns here."),
      fields: (t) =>
        mapFields(object, (field) =>
          t.field({
            type: toOutputParam(t, field.shape),
            nullable: field.shape.isNullable || !field.isRequired,
            description: describeOutputField(field),
            // The document is already read, so lists in lists must not count as if each were long.
            complexity: { field: 1, multiplier: field.shape.kind === "list" ? 2 : 1 },
            // Only an own member: every object inherits a `constructor`.
            resolve: (output) => Object.getOwnPropertyDescriptor(output, field.name)?.value,
          }),
        ),
    }),
  );

  function toInputParam(
    t: InputFieldBuilder<Types, "InputObject">,
    shape: Shape,
  ): InputTypeParam<Types> {
    if (shape.kind === "object") return toInputType(shape.object);
    if (shape.kind !== "list") return toLeaf(shape);
    return t.listRef(toInputParam(t, shape.item), { required: !shape.item.isNullable });
  }

  function toOutputParam(t: ObjectFieldBuilder<Types, JsonObject>, shape: Shape): TypeParam<Types> {
    if (shape.kind === "object") return toOutputType(shape.object);
    if (shape.kind !== "list") return toLeaf(shape);
    return t.listRef(toOutputParam(t, shape.item), { nullable: shape.item.isNullable });
  }

  function toLeaf(shape: Extract<Shape, { kind: "scalar" | "enum" }>) {
    return shape.kind === "scalar" ? shape.scalar : toEnumType(shape.enumeration);
  }

  return { toInputType, toOutputType };
}

function mapFields<Ref>({ fields }: ObjectShape, toRef: (field: FieldShape) => Ref) {
  return Object.fromEntries(fields.map((field) => [field.graphqlName, toRef(field)]));
}

function memoize<Parameter, Result>(make: (parameter: Parameter) => Result): typeof make {
  const made = new Map<Parameter, Result>();
  return (parameter) => {
    const result = made.get(parameter) ?? make(parameter);
    made.set(parameter, result);
    return result;
  };
}

function describeType({ description }: ObjectShape | EnumShape, otherwise: string): string {
  return description === null ? otherwise : toSentence(description);
}

function describeInputField(field: FieldShape): string {
  const defaults =
    field.default === undefined ? [] : [`Default: \`${JSON.stringify(field.default)}\`.`];
  const need = field.isRequired && field.shape.isNullable ? ["Required, but may be null."] : [];
  return describeField(field, [...field.rules, ...need, ...defaults], "Sent as");
}

function describeOutputField(field: FieldShape): string {
  const absence = field.shape.isNullable || !field.isRequired ? ["Null when there is none."] : [];
  return describeField(field, [...field.rules, ...absence], "RunComfy's name for it is");
}

function describeField(field: FieldShape, facts: readonly string[], knownAs: string): string {
  const { name, graphqlName, description } = field;
  const said = description === null ? facts : [toSentence(description), ...facts];
  const isNamed = graphqlName !== name || said.length === 0;
  const sentences = isNamed ? [...said, `${knownAs} \`${name}\`.`] : said;
  // A printed schema with half of a surrogate pair can't be parsed again.
  return sentences.join(" ").toWellFormed();
}

/** A text of the schema's author as a sentence. */
function toSentence(text: string): string {
  const trimmed = text.trim().toWellFormed();
  return /[.!?:`)]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** Adds `Job.typedOutput` if the shape of any deployment's output is known. */
function addTypedOutput(
  builder: Builder,
  { catalogue, types }: { readonly catalogue: Catalogue; readonly types: GeneratedTypes },
): void {
  const shapes = catalogue.deployments.flatMap(({ output }) => output?.shape ?? []);
  if (shapes.length === 0) return;

  /** Beside the outputs, which may have a `__typename` of their own. */
  const typeNames = new WeakMap<JsonObject, string>();
  const typedOutput = builder.unionType("TypedOutput", {
    description: "The output of a deployment that has an `outputSchema`.",
    types: shapes.map(types.toOutputType),
    resolveType: (output) => typeNames.get(output),
  });

  builder.objectField("Job", "typedOutput", (t) =>
    t.field({
      type: typedOutput,
      nullable: true,
      description:
        "The output as its deployment's type. Null until SUCCEEDED, and when the deployment has no `outputSchema`, or the output does not fit it or can't be checked; `output` has it in any case.",
      resolve: async (job, _arguments, context) => {
        const contract = catalogue.find(job.deploymentId)?.output ?? null;
        const output = await readOutput(job, context);
        if (contract === null || !isJsonObject(output) || !contract.accepts(output)) return null;
        typeNames.set(output, contract.shape.typeName);
        return output;
      },
    }),
  );
}

/** Adds the mutation of one deployment, whose input is typed as far as GraphQL can say it. */
function addSubmitDeployment(
  builder: Builder,
  options: {
    readonly deployment: Deployment;
    readonly contract: InputContract;
    readonly types: GeneratedTypes;
    readonly submitJobResult: SubmitJobResultRef;
    readonly submitOptions: SubmitArguments;
  },
): void {
  const { deployment, contract, types, submitJobResult, submitOptions } = options;
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
        ...toSubmitArguments(builder, submitOptions),
      },
      resolve: (_root, { input, ...given }, context) =>
        submitJob(context, {
          ...toSubmit(given),
          deploymentId,
          input: shape === null ? input : toBody(shape, Object(input)),
          ...(shape && { spell: (path) => toTypedPath({ kind: "object", object: shape }, path) }),
        }),
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
