import type {
  ASTVisitor,
  DocumentNode,
  FragmentDefinitionNode,
  GraphQLSchema,
  SelectionSetNode,
  ValidationContext,
} from "graphql";
import {
  getIntrospectionQuery,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
} from "graphql";
import type { Plugin } from "graphql-yoga";

import { documentError } from "./document-error.ts";

/** As much as tools ask for, and as much again. */
const MOST_SCHEMAS = 2;
const ROOTS: ReadonlySet<string> = new Set(["__schema", "__type"]);

/**
 * Refuses a document that asks for more of the schema than the whole of it, twice: the lists of types and fields lead
 * into each other, and a schema of 300 deployments has thousands of them.
 */
export function createIntrospectionLimit(): Plugin {
  const limits = new WeakMap<GraphQLSchema, { lengths: Lengths; most: number }>();
  return {
    onValidate({ addValidationRule }) {
      addValidationRule((context: ValidationContext): ASTVisitor => {
        return {
          OperationDefinition({ selectionSet }) {
            const schema = context.getSchema();
            const document = context.getDocument();
            if (!namesRoot(document)) return;
            const limit = limits.get(schema) ?? toLimit(schema);
            limits.set(schema, limit);
            if (measure(document, selectionSet, limit.lengths) <= limit.most) return;
            const message = `The document asks for more than ${MOST_SCHEMAS} times the whole schema. Ask for fewer lists inside lists, or get the schema with a tool's introspection query.`;
            context.reportError(documentError("DOCUMENT_TOO_COSTLY", MOST_SCHEMAS, message));
          },
        };
      });
    },
  };
}

/** How long lists are, by the field's name. */
type Lengths = ReadonlyMap<string, number>;

function namesRoot({ loc }: DocumentNode): boolean {
  return loc === undefined || /__(?:schema|type(?!name))/.test(loc.source.body);
}

function toLimit(schema: GraphQLSchema) {
  const lengths = toLengths(schema);
  const whole = parse(
    getIntrospectionQuery({
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    }),
  );
  const [operation] = whole.definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error("No introspection query.");
  return { lengths, most: MOST_SCHEMAS * measure(whole, operation.selectionSet, lengths) };
}

function toLengths(schema: GraphQLSchema): Lengths {
  const types = Object.values(schema.getTypeMap());
  const fieldLists = types
    .filter((type) => isObjectType(type) || isInterfaceType(type))
    .map((type) => Object.values(type.getFields()));
  const inputs = types
    .filter(isInputObjectType)
    .map((type) => Object.keys(type.getFields()).length);
  const values = types.filter(isEnumType).map((type) => type.getValues().length);
  const argumentCounts = fieldLists.flat().map((field) => field.args.length);
  const longest = Math.max(1, ...fieldLists.map(({ length }) => length), ...inputs, ...values);
  return new Map([
    ["types", types.length],
    ["directives", schema.getDirectives().length],
    // Of all types, because most have none.
    ["fields", sum(fieldLists.map(({ length }) => length)) / types.length],
    ["inputFields", sum(inputs) / types.length],
    ["enumValues", sum(values) / types.length],
    ["args", Math.max(1, sum(argumentCounts) / Math.max(1, argumentCounts.length))],
    // Few types are lists, or not null, of another.
    ["ofType", 0.5],
    // One that is picked by name may be the largest.
    ["__type", longest],
  ]);
}

/** The members of the answer, roughly. */
function measure(document: DocumentNode, root: SelectionSetNode, lengths: Lengths): number {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition);
  }
  const costs = new Map<SelectionSetNode, { all: number; schema: number }>();

  /** Of all fields, and of those that ask for the schema alone. */
  function measureSet(set: SelectionSetNode): { all: number; schema: number } {
    const known = costs.get(set);
    if (known !== undefined) return known;
    costs.set(set, { all: 0, schema: 0 });
    const cost = { all: 0, schema: 0 };
    for (const selection of set.selections) {
      const next =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? fragments.get(selection.name.value)?.selectionSet
          : selection.selectionSet;
      const below = next === undefined ? { all: 0, schema: 0 } : measureSet(next);
      if (selection.kind !== Kind.FIELD) {
        cost.all += below.all;
        cost.schema += below.schema;
        continue;
      }
      const own = 1 + below.all * (lengths.get(selection.name.value) ?? 1);
      cost.all += own;
      cost.schema += ROOTS.has(selection.name.value) ? own : below.schema;
    }
    costs.set(set, cost);
    return cost;
  }

  return measureSet(root).schema;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
