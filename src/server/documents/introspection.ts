import type {
  ASTVisitor,
  DocumentNode,
  GraphQLNamedType,
  GraphQLSchema,
  SelectionSetNode,
  ValidationContext,
} from "graphql";
import {
  getIntrospectionQuery,
  GraphQLError,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  NoSchemaIntrospectionCustomRule,
  parse,
} from "graphql";
import type { Plugin } from "graphql-yoga";

import { documentError } from "./document-error.ts";

/** As much as tools ask for, and as much again. */
const MOST_SCHEMAS = 2;

/** Refuses every document that asks for the schema itself, and guesses no names in what it says of others. */
export function createIntrospectionBan(): Plugin {
  return {
    onValidate({ addValidationRule }) {
      addValidationRule(NoSchemaIntrospectionCustomRule);
      return ({ result, setResult }) => setResult(result.map(withoutGuess));
    },
  };
}

/** An error's text without what it guesses was meant, which would tell the schema name by name. */
export function withoutSuggestions(message: string): string {
  return message.replaceAll(/ Did you mean [^?]*\?/g, "");
}

function withoutGuess(error: unknown): unknown {
  if (!(error instanceof GraphQLError)) return error;
  const { nodes, extensions } = error;
  return new GraphQLError(withoutSuggestions(error.message), { nodes: nodes ?? null, extensions });
}

/**
 * Refuses a document that asks for more of the schema than the whole of it, twice: the lists of types and fields lead
 * into each other, and a schema of 300 deployments has thousands of them.
 */
export function createIntrospectionLimit(): Plugin {
  const limits = new WeakMap<GraphQLSchema, ReturnType<typeof createLimit>>();
  return {
    onValidate({ params: { schema }, addValidationRule }) {
      const { most, measure } = limits.get(schema) ?? createLimit(schema);
      limits.set(schema, { most, measure });
      addValidationRule((context: ValidationContext): ASTVisitor => ({
        Document(document: DocumentNode) {
          if (measure(document) <= most) return;
          const message = `The document asks for more than ${MOST_SCHEMAS} times the whole schema. Ask for fewer lists inside lists, or get the schema with a tool's introspection query.`;
          context.reportError(documentError("DOCUMENT_TOO_COSTLY", MOST_SCHEMAS, message));
        },
      }));
    },
  };
}

function createLimit(schema: GraphQLSchema) {
  const types = Object.values(schema.getTypeMap());
  const toLengths = (toMembers: (type: GraphQLNamedType) => object): number[] =>
    types.map((type) => Object.keys(toMembers(type)).length);
  const fields = toLengths((type) =>
    isObjectType(type) || isInterfaceType(type) ? type.getFields() : {},
  );
  const inputFields = toLengths((type) => (isInputObjectType(type) ? type.getFields() : {}));
  const enumValues = toLengths((type) => (isEnumType(type) ? type.getValues() : {}));
  // By the field's name. Of all types, because most have none; what else is a list is short.
  const lengths = new Map([
    ["types", types.length],
    ["fields", mean(fields)],
    ["inputFields", mean(inputFields)],
    ["enumValues", mean(enumValues)],
    // Few types are lists, or not null, of another.
    ["ofType", 0.5],
    // One that is picked by its name may be the largest.
    ["__type", Math.max(...fields) / mean(fields)],
  ]);
  const measure = (document: DocumentNode) => measureAnswer(document, lengths);
  const whole = getIntrospectionQuery({
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  });
  return { measure, most: MOST_SCHEMAS * measure(parse(whole)) };
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}

/** The members of the answer, roughly: what is no list of the schema counts once. */
function measureAnswer(
  { definitions }: DocumentNode,
  lengths: ReadonlyMap<string, number>,
): number {
  const fragments = new Map(
    definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map(({ name, selectionSet }) => [name.value, selectionSet]),
  );
  const sizes = new Map<SelectionSetNode, number>();

  function measure(set: SelectionSetNode): number {
    const known = sizes.get(set);
    if (known !== undefined) return known;
    let size = 0;
    for (const selection of set.selections) {
      const next =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? fragments.get(selection.name.value)
          : selection.selectionSet;
      const below = next === undefined ? 0 : measure(next);
      const length = selection.kind === Kind.FIELD ? lengths.get(selection.name.value) : undefined;
      size += selection.kind === Kind.FIELD ? 1 + below * (length ?? 1) : below;
    }
    sizes.set(set, size);
    return size;
  }

  return definitions.reduce(
    (sum, definition) =>
      definition.kind === Kind.OPERATION_DEFINITION ? sum + measure(definition.selectionSet) : sum,
    0,
  );
}
