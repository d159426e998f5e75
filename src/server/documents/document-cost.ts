import { complexityFromQuery } from "@pothos/plugin-complexity";
import type { DocumentNode, GraphQLSchema, OperationDefinitionNode, TypeNode } from "graphql";
import { Kind, visit } from "graphql";
import type { Plugin } from "graphql-yoga";

import { documentError } from "./document-error.ts";

/** The arguments that say how long a list gets. */
const SIZES: ReadonlySet<string> = new Set(["first", "last"]);
/** More than any field gives: each takes the most that it would. */
const MOST = 2_147_483_647;

type Variables = Readonly<Record<string, unknown>>;

/**
 * Refuses an operation whose fields cost more than `cost` by what the schema says of each, a page of 100 counting 100
 * times. What can't be dear with any variables is reckoned once for each document.
 */
export function createCostLimit({ cost: limit }: { readonly cost: number }): Plugin {
  const measured = new WeakMap<DocumentNode, CostOf>();
  return {
    onValidate({ params: { schema, documentAST }, context }) {
      return ({ result, setResult }) => {
        if (result.length > 0) return;
        const costOf = measured.get(documentAST) ?? createCostOf(schema, documentAST);
        measured.set(documentAST, costOf);
        if (costOf.most <= limit) return;
        const { operationName, variables } = context.params;
        const cost = costOf.operation(operationName, variables ?? {});
        if (cost <= limit) return;
        const message = `The operation costs ${Math.ceil(cost)}, and may cost ${limit}. Ask for shorter pages (\`first\`), or for fewer fields of each job.`;
        setResult([documentError("DOCUMENT_TOO_COSTLY", limit, message)]);
      };
    },
  };
}

type CostOf = {
  /** Of its dearest operation, with the dearest variables. */
  readonly most: number;
  operation(name: string | null | undefined, variables: Variables): number;
};

function createCostOf(schema: GraphQLSchema, document: DocumentNode): CostOf {
  const bare = toBare(document);
  const fragments = bare.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  const operations = bare.definitions.filter(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  );

  function measure(operation: OperationDefinitionNode, toSize: (name: string) => unknown): number {
    const names = (operation.variableDefinitions ?? []).map(({ variable }) => variable.name.value);
    const sizes = names.map((name) => [name, toSize(name)] as const);
    const { complexity } = complexityFromQuery(
      { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] },
      // One that was not sent has to be missing, or its default would not be taken.
      { schema, variables: Object.fromEntries(sizes.filter(([, size]) => size !== undefined)) },
    );
    return complexity;
  }

  const most = Math.max(...operations.map((operation) => measure(operation, () => MOST)));
  return {
    most,
    operation(name, variables) {
      const chosen = operations.filter((one) => !name || one.name?.value === name);
      const sent = new Map(Object.entries(variables));
      return Math.max(0, ...chosen.map((one) => measure(one, (key) => toSize(sent.get(key)))));
    },
  };
}

/** What can't be a size is refused later, and counts as the largest until then. */
function toSize(value: unknown): unknown {
  if (value === undefined || value === null) return value;
  return Number.isInteger(value) && Math.abs(Number(value)) <= MOST ? value : MOST;
}

/** Only what tells the cost: without it, no value that is wrong can stop the reckoning. */
function toBare(document: DocumentNode): DocumentNode {
  return visit(document, {
    Directive: () => null,
    Argument: (node) => (SIZES.has(node.name.value) ? undefined : null),
    VariableDefinition: (node) => {
      const type = toNullable(node.type);
      return type.kind === Kind.NAMED_TYPE && type.name.value === "Int" ? { ...node, type } : null;
    },
  });
}

function toNullable(type: TypeNode): TypeNode {
  return type.kind === Kind.NON_NULL_TYPE ? type.type : type;
}
