import type {
  DocumentNode,
  FieldNode,
  GraphQLError,
  GraphQLField,
  GraphQLInterfaceType,
  GraphQLNamedType,
  GraphQLObjectType,
  GraphQLSchema,
  SelectionSetNode,
  ValueNode,
  VariableNode,
} from "graphql";
import {
  getIntrospectionQuery,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  parse,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
} from "graphql";
import { z } from "zod";

import { documentError, toFragments } from "./document-size.ts";

type Type = GraphQLNamedType | null | undefined;
/** The name of the operation; none takes the most expensive one. */
export type Name = string | null | undefined;
/** Null takes the most expensive ones. */
export type Variables = Readonly<Record<string, unknown>> | null;

const USUAL_LIST_LENGTH = 5;
/** More than any page has. */
const MAX_SIZE = 2_147_483_647;
/** As much of the schema as tools ask for, and as much again, costs the limit. */
const MAX_SCHEMAS = 2;
const EVERYTHING = {
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
};
const META_FIELDS = new Map([SchemaMetaFieldDef, TypeMetaFieldDef].map((one) => [one.name, one]));
/** What Pothos's complexity plugin stores with a field. */
const FIELD_COST = z.object({ field: z.number().optional(), multiplier: z.number().optional() });

/**
 * Makes a function that says why an operation is too expensive, or null. Each field costs what the schema says, and a page of
 * 100 counts 100 times. A document that is cheap with any variables is measured once.
 */
export function createCostCheck(schema: GraphQLSchema, limit: number) {
  const lengths = measureTypes(schema);
  const whole = parse(getIntrospectionQuery(EVERYTHING));
  const costOfMember = limit / (MAX_SCHEMAS * measure(whole, "IntrospectionQuery", null, 1));
  const mostExpensive = new WeakMap<DocumentNode, number>();

  /** The cost of the operation of this name, or of the most expensive one. */
  function measure(document: DocumentNode, name: Name, variables: Variables, perMember: number) {
    const fragments = toFragments(document);
    const costs = new Map<SelectionSetNode, number>();
    let defaults: ReadonlyMap<string, ValueNode | undefined> = new Map();

    function measureSet(set: SelectionSetNode | undefined, type: Type): number {
      if (set === undefined) return 0;
      const known = costs.get(set);
      if (known !== undefined) return known;
      let sum = 0;
      for (const selection of set.selections) {
        if (selection.kind === Kind.FIELD) {
          sum += measureField(selection, type);
          continue;
        }
        const isSpread = selection.kind === Kind.FRAGMENT_SPREAD;
        const fragment = isSpread ? fragments.get(selection.name.value) : selection;
        const condition = fragment?.typeCondition?.name.value;
        sum += measureSet(fragment?.selectionSet, condition ? schema.getType(condition) : type);
      }
      costs.set(set, sum);
      return sum;
    }

    function measureField(node: FieldNode, type: Type): number {
      const name = node.name.value;
      const field =
        (isComposite(type) ? type.getFields()[name] : undefined) ?? META_FIELDS.get(name);
      const below = measureSet(node.selectionSet, field && getNamedType(field.type));
      if (type?.name.startsWith("__") === true) return 1 + below * (lengths.get(name) ?? 1);
      if (META_FIELDS.has(name)) return below * perMember * (lengths.get(name) ?? 1);
      const given = field?.extensions["complexity"];
      const cost: unknown = typeof given === "function" ? given(toSizes(node)) : given;
      if (typeof cost === "number") return cost + below * usualLength(field);
      const { field: own = 1, multiplier = usualLength(field) } = FIELD_COST.parse(cost ?? {});
      return own + below * multiplier;
    }

    /** The arguments that say how long a list gets; of `ids` only their number. */
    function toSizes({ arguments: given = [] }: FieldNode) {
      const find = (name: string) => given.find((one) => one.name.value === name)?.value;
      return {
        first: toSize(find("first")),
        last: toSize(find("last")),
        ids: { length: toLength(find("ids")) },
      };
    }

    function toLength(node: ValueNode | undefined): number {
      if (node?.kind === Kind.LIST) return node.values.length;
      if (node?.kind !== Kind.VARIABLE) return 1;
      if (variables === null) return MAX_SIZE;
      const sent = readVariable(node, variables);
      if (sent === undefined) return toLength(defaults.get(node.name.value));
      return Array.isArray(sent) ? sent.length : 1;
    }

    /** What can't be a size is refused later, and counts as the largest until then. */
    function toSize(node: ValueNode | undefined): number | undefined {
      if (node?.kind === Kind.INT) return Number(node.value);
      if (node?.kind !== Kind.VARIABLE) return undefined;
      if (variables === null) return MAX_SIZE;
      const sent = readVariable(node, variables);
      if (sent === undefined) return toSize(defaults.get(node.name.value));
      if (sent === null) return undefined;
      return Number.isInteger(sent) ? Number(sent) : MAX_SIZE;
    }

    const operations = document.definitions
      .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
      .filter((operation) => !name || operation.name?.value === name);
    const all = operations.map(({ operation, selectionSet, variableDefinitions = [] }) => {
      costs.clear();
      defaults = new Map(
        variableDefinitions.map((one) => [one.variable.name.value, one.defaultValue]),
      );
      return measureSet(selectionSet, schema.getRootType(operation));
    });
    return Math.max(0, ...all);
  }

  return (document: DocumentNode, name: Name, variables: Variables): GraphQLError | null => {
    const most = mostExpensive.get(document) ?? measure(document, null, null, costOfMember);
    mostExpensive.set(document, most);
    const cost = most <= limit ? most : measure(document, name, variables, costOfMember);
    if (cost <= limit) return null;
    const message = `The operation costs ${Math.ceil(cost)}, and may cost ${limit}. Ask for shorter pages (\`first\`), for fewer fields of each job, or for less of the schema.`;
    return documentError("DOCUMENT_TOO_COSTLY", limit, message);
  };
}

function readVariable({ name }: VariableNode, variables: NonNullable<Variables>): unknown {
  return Object.hasOwn(variables, name.value) ? variables[name.value] : undefined;
}

function usualLength(field: GraphQLField<unknown, unknown> | undefined): number {
  return field !== undefined && isListType(getNullableType(field.type)) ? USUAL_LIST_LENGTH : 1;
}

/** How many members a field of the schema's own types leads to, roughly; one where it isn't here. */
function measureTypes(schema: GraphQLSchema): ReadonlyMap<string, number> {
  const types = Object.values(schema.getTypeMap());
  const fields = types.map((type) => (isComposite(type) ? type.getFields() : {})).map(countKeys);
  const inputs = types.map((type) => (isInputObjectType(type) ? type.getFields() : {}));
  const values = types.map((type) => (isEnumType(type) ? type.getValues() : []));
  return new Map([
    ["types", types.length],
    // Of all types, because most have none; what else is a list is short.
    ["fields", mean(fields)],
    ["inputFields", mean(inputs.map(countKeys))],
    ["enumValues", mean(values.map(countKeys))],
    // Few types are lists, or not null, of another.
    ["ofType", 0.5],
    // One that is picked by its name may be the largest.
    ["__type", Math.max(...fields) / mean(fields)],
  ]);
}

function isComposite(type: Type): type is GraphQLObjectType | GraphQLInterfaceType {
  return isObjectType(type) || isInterfaceType(type);
}

function countKeys(members: object): number {
  return Object.keys(members).length;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}
