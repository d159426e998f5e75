import type {
  DefinitionNode,
  DocumentNode,
  FieldNode,
  FragmentDefinitionNode,
  GraphQLField,
  GraphQLNamedType,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionNode,
  SelectionSetNode,
  ValueNode,
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
  OperationTypeNode,
  parse,
  SchemaMetaFieldDef,
  TokenKind,
  TypeMetaFieldDef,
} from "graphql";
import { z } from "zod";

/** GraphQL's rule of fields that merge takes some microseconds for each two in one object. */
export const MAX_PAIRS = 10_000;
/** Unlike queries, each may write, or wait for RunComfy. */
export const MAX_MUTATIONS = 10;

/** Says what a field costs, and how often what it selects is read. */
type ToPrice = (
  node: FieldNode,
  field: GraphQLField<unknown, unknown> | undefined,
  parent: Type,
) => { readonly cost: number; readonly multiplier: number };

type Type = GraphQLNamedType | null | undefined;

/** What a document asks for with its fragments written out. */
export type Extent = {
  tokens: number;
  /** Pairs of fields and of spreads that GraphQL compares, because they meet in one object of the answer. */
  pairs: number;
  /** How many the operation has that has most. */
  mutations: number;
  /** What the most expensive operation costs. */
  cost: number;
  hasDirectives: boolean;
};

/** A selection of an object that is read `times`. */
type Part = { readonly set: SelectionSetNode; readonly type: Type; readonly times: number };

/** What has one name in an object of the answer. */
type Field = { readonly name: string; count: number; readonly below: Part[] };

/**
 * Walks each operation object by object, with the fields of all fragments there, and stops beyond `mostTokens` or another
 * limit: twenty short fragments that each spread the next one twice are a million fields. Operations without prices cost
 * nothing.
 */
export function walkDocument(
  schema: GraphQLSchema,
  { definitions }: DocumentNode,
  mostTokens: number,
  findPrices: (operation: OperationDefinitionNode) => ToPrice | null = () => null,
): Extent {
  const fragments = new Map(
    definitions.filter(isFragment).map((fragment) => [fragment.name.value, fragment]),
  );
  const tokenCounts = new Map<DefinitionNode | SelectionNode, number>();
  const spread = new Set<SelectionSetNode>();
  const extent: Extent = { tokens: 0, pairs: 0, mutations: 0, cost: 0, hasDirectives: false };

  /** Without what the node selects. A node may come often, and hold many comments, so its tokens are counted once. */
  function addTokens(node: DefinitionNode | SelectionNode): void {
    const count = tokenCounts.get(node) ?? countTokens(node);
    tokenCounts.set(node, count);
    extent.tokens += count;
    extent.hasDirectives ||= (node.directives ?? []).length > 0;
  }

  function isOver(): boolean {
    const { tokens, pairs, mutations } = extent;
    return tokens > mostTokens || pairs > MAX_PAIRS || mutations > MAX_MUTATIONS;
  }

  /** Counts the fields and spreads of one object, and gives its fields as GraphQL would run them, and their cost. */
  function collect(parts: Part[], toPrice: ToPrice | null) {
    const fields = new Map<string, Field>();
    let spreadCount = 0;
    let cost = 0;
    // `parts` grows on the way.
    for (const { set, type, times } of parts) {
      for (const selection of set.selections) {
        addTokens(selection);
        if (isOver()) return { fields: [], cost };
        if (selection.kind === Kind.FIELD) {
          const name = selection.name.value;
          const key = selection.alias?.value ?? name;
          const field = fields.get(key) ?? { name, count: 0, below: [] };
          const definition = findField(type, name);
          const price = toPrice?.(selection, definition, type) ?? FREE;
          cost += times * price.cost;
          field.count += 1;
          field.below.push({
            set: selection.selectionSet ?? NOTHING,
            type: definition && getNamedType(definition.type),
            times: times * price.multiplier,
          });
          fields.set(key, field);
          continue;
        }
        const isSpread = selection.kind === Kind.FRAGMENT_SPREAD;
        const fragment = isSpread ? fragments.get(selection.name.value) : selection;
        if (isSpread) spreadCount += 1;
        if (fragment === undefined) continue;
        if (isSpread) spread.add(fragment.selectionSet);
        const condition = fragment.typeCondition?.name.value;
        const below = condition === undefined ? type : schema.getType(condition);
        parts.push({ set: fragment.selectionSet, type: below, times });
      }
    }
    extent.pairs += toPairs(spreadCount);
    for (const { count } of fields.values()) extent.pairs += toPairs(count);
    return { fields: [...fields.values()], cost };
  }

  // Fragments last, as only those that nothing spreads, or that another of their name hides, are left to walk.
  for (const root of definitions.toSorted((a, b) => +isFragment(a) - +isFragment(b))) {
    if (!("selectionSet" in root) || spread.has(root.selectionSet)) continue;
    addTokens(root);
    const operation = root.kind === Kind.OPERATION_DEFINITION ? root : null;
    const prices = operation && findPrices(operation);
    const type = operation && schema.getRootType(operation.operation);
    const objects: Part[][] = [[{ set: root.selectionSet, type, times: 1 }]];
    let mayMutate = operation?.operation === OperationTypeNode.MUTATION;
    let sum = 0;
    for (let parts = objects.pop(); parts !== undefined; parts = objects.pop()) {
      const { fields, cost } = collect(parts, prices);
      sum += cost;
      const mutations = mayMutate ? fields.filter(({ name }) => name !== "__typename").length : 0;
      mayMutate = false;
      extent.mutations = Math.max(extent.mutations, mutations);
      objects.push(...fields.map(({ below }) => below));
      if (isOver()) return extent;
    }
    extent.cost = Math.max(extent.cost, sum);
  }
  return extent;
}

const FREE = { cost: 0, multiplier: 1 };
const NOTHING: SelectionSetNode = { kind: Kind.SELECTION_SET, selections: [] };
const META_FIELDS = new Map(
  [SchemaMetaFieldDef, TypeMetaFieldDef].map((field) => [field.name, field]),
);

function findField(type: Type, name: string) {
  const own = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
  return own ?? META_FIELDS.get(name);
}

function isFragment(definition: DefinitionNode): definition is FragmentDefinitionNode {
  return definition.kind === Kind.FRAGMENT_DEFINITION;
}

function countTokens(node: DefinitionNode | SelectionNode): number {
  const end = ("selectionSet" in node && node.selectionSet?.loc?.startToken) || node.loc?.endToken;
  let count = 1;
  for (let token = node.loc?.startToken; token && token !== end; token = token.next ?? undefined)
    if (token.kind !== TokenKind.COMMENT) count += 1;
  return count;
}

function toPairs(count: number): number {
  return (count * (count - 1)) / 2;
}

/** No name takes the most expensive operation, and null the most expensive variables. */
export type Asked = {
  readonly name: string | null | undefined;
  readonly variables: Variables;
};
type Variables = Readonly<Record<string, unknown>> | null;

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
/** What Pothos's complexity plugin stores with a field. */
const FIELD_COST = z.object({ field: z.number().optional(), multiplier: z.number().optional() });

/**
 * Makes a function that walks a document up to so many tokens and prices it with these variables: each field costs what
 * the schema says, and a page of 100 counts 100 times.
 */
export function createPricedWalk(schema: GraphQLSchema, costLimit: number) {
  const lengths = measureTypes(schema);
  let costOfMember = 1;

  function findPrices(operation: OperationDefinitionNode, variables: Variables): ToPrice {
    const defaults = new Map(
      operation.variableDefinitions?.map((one) => [one.variable.name.value, one.defaultValue]),
    );

    /** A list for a list, and the largest size for a variable that may have any value. */
    function evaluate(node: ValueNode | undefined): unknown {
      if (node?.kind === Kind.INT) return Number(node.value);
      if (node?.kind === Kind.LIST) return node.values;
      if (node?.kind !== Kind.VARIABLE) return undefined;
      const name = node.name.value;
      if (variables === null) return MAX_SIZE;
      return Object.hasOwn(variables, name) ? variables[name] : evaluate(defaults.get(name));
    }

    return (node, field, parent) => {
      const name = node.name.value;
      const length = lengths.get(name) ?? 1;
      if (parent?.name.startsWith("__") === true) return { cost: 1, multiplier: length };
      if (META_FIELDS.has(name)) return { cost: 0, multiplier: costOfMember * length };
      const find = (argument: string) =>
        evaluate(node.arguments?.find((one) => one.name.value === argument)?.value);
      const given = field?.extensions["complexity"];
      const own: unknown =
        typeof given === "function"
          ? given({
              first: toSize(find("first")),
              last: toSize(find("last")),
              ids: { length: toLength(find("ids")) },
              items: { length: toLength(find("items")) },
            })
          : given;
      const complexity = typeof own === "number" ? { field: own } : FIELD_COST.parse(own ?? {});
      const { field: cost = 1, multiplier = usualLength(field) } = complexity;
      return { cost, multiplier };
    };
  }

  function walk(document: DocumentNode, mostTokens: number, asked: Asked = MOST_EXPENSIVE) {
    return walkDocument(schema, document, mostTokens, (operation) =>
      !asked.name || operation.name?.value === asked.name
        ? findPrices(operation, asked.variables)
        : null,
    );
  }

  const whole = walk(parse(getIntrospectionQuery(EVERYTHING)), Infinity);
  costOfMember = costLimit / (MAX_SCHEMAS * whole.cost);
  return walk;
}

const MOST_EXPENSIVE: Asked = { name: null, variables: null };

/** What can't be a size is refused later, and counts as the largest until then. */
function toSize(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  return Number.isInteger(value) ? Number(value) : MAX_SIZE;
}

function toLength(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return value === MAX_SIZE ? MAX_SIZE : 1;
}

function usualLength(field: GraphQLField<unknown, unknown> | undefined): number {
  return field !== undefined && isListType(getNullableType(field.type)) ? USUAL_LIST_LENGTH : 1;
}

/** How many members a field of the schema's own types leads to, roughly; one where it isn't here. */
function measureTypes(schema: GraphQLSchema): ReadonlyMap<string, number> {
  const types = Object.values(schema.getTypeMap());
  const fields = types
    .map((type) => (isObjectType(type) || isInterfaceType(type) ? type.getFields() : {}))
    .map(countKeys);
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

function countKeys(members: object): number {
  return Object.keys(members).length;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}
