import type {
  DocumentNode,
  ExecutionArgs,
  ExecutionResult,
  GraphQLSchema,
  VariableDefinitionNode,
} from "graphql";
import { getOperationAST, getVariableValues, isLeafType, Kind, OperationTypeNode } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { BaseLogger } from "pino";

import { clock } from "../../runtime/environment.ts";
import type { Reads } from "../../engine/reads/reads.ts";
import { walkDocument } from "./walk-document.ts";

/** With fragments written out. To compile one as long and run it once takes some 50 ms of one turn. */
const MAX_TOKENS = 500;

type Jit = typeof import("graphql-jit");
type Execution = Parameters<NonNullable<Plugin<ReadingContext>["onExecute"]>>[0];
type Execute = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;
/** What is needed of the resolvers' context. */
export type ReadingContext = {
  readonly reads?: Pick<Reads, "startAnew">;
};
type Variables = Readonly<Record<string, unknown>> | null | undefined;
type Compiled = {
  readonly run: (root: unknown, context: unknown, variables: Variables) => ReturnType<Execute>;
  /** Whether a value for a variable may have much in it. */
  readonly hasLargeVariables: boolean;
};

/**
 * Runs queries by code that is made once for each, and kept as long as its document is. Where it has errors the executor
 * runs the query once more and its answer counts: which errors are reported, in which order and words, differs between the
 * two.
 */
export function createQueryCompiler(options: {
  readonly schema: GraphQLSchema;
  readonly log: Pick<BaseLogger, "debug">;
}): Plugin<ReadingContext> {
  const { schema, log } = options;
  const documents = new WeakMap<DocumentNode, Map<string, Compiled | null>>();
  /** One in a turn of the event loop; the others run as they are meanwhile. */
  let mayCompile = true;
  /** Loaded for the first query that comes again, which waits for it. */
  let jit: Jit | null = null;

  function find(document: DocumentNode, operationName: string | null | undefined): Compiled | null {
    const operations = documents.get(document);
    if (operations === undefined) {
      // To compile it takes some thousand times as long as to run it: what comes once is not worth it.
      documents.set(document, new Map());
      return null;
    }
    const name = operationName ?? "";
    let compiled = operations.get(name);
    if (compiled === undefined) {
      if (!mayCompile || jit === null) return null;
      mayCompile = false;
      clock.onNextTurn(() => (mayCompile = true));
      compiled = compile(jit, document, operationName);
      operations.set(name, compiled);
    }
    return compiled;
  }

  function compile(
    { compileQuery, isCompiledQuery }: Jit,
    document: DocumentNode,
    operationName: string | null | undefined,
  ): Compiled | null {
    if (getOperationAST(document, operationName)?.operation !== OperationTypeNode.QUERY)
      return null;
    const obstacle = findObstacle(document);
    if (obstacle !== null) {
      log.debug({ operationName }, `A query is not compiled: it ${obstacle}.`);
      return null;
    }
    const compiled = compileQuery(schema, document, operationName ?? undefined);
    if (isCompiledQuery(compiled)) {
      const { variableDefinitions = [] } = getOperationAST(document, operationName) ?? {};
      return { run: compiled.query, hasLargeVariables: !variableDefinitions.every(isLeaf) };
    }
    log.debug({ operationName, errors: compiled.errors }, "A query can't be compiled.");
    return null;
  }

  function isLeaf({ type }: VariableDefinitionNode): boolean {
    const inner = type.kind === Kind.NON_NULL_TYPE ? type.type : type;
    return inner.kind === Kind.NAMED_TYPE && isLeafType(schema.getType(inner.name.value));
  }

  function prepare({ args: given, executeFn, setExecuteFn }: Execution): void {
    const compiled = find(given.document, given.operationName);
    if (compiled === null) return;
    setExecuteFn((args: ExecutionArgs) => {
      if (compiled.hasLargeVariables && hasWrongVariables(args)) return executeFn(args);
      const result = compiled.run(args.rootValue, args.contextValue, args.variableValues);
      return result instanceof Promise ? result.then(check) : check(result);

      function check(result: ExecutionResult): ReturnType<Execute> {
        if (result.errors === undefined) return result;
        given.contextValue.reads?.startAnew();
        return executeFn(args);
      }
    });
  }

  async function load(): Promise<void> {
    jit = await import("graphql-jit");
  }

  return {
    onExecute(execution) {
      const mustLoad = jit === null && documents.has(execution.args.document);
      return mustLoad ? load().then(() => prepare(execution)) : prepare(execution);
    },
  };
}

/** Compiled code would list all that is wrong with them, however much it is. */
function hasWrongVariables(args: ExecutionArgs): boolean {
  const { schema, document, operationName, variableValues } = args;
  const { variableDefinitions = [] } = getOperationAST(document, operationName) ?? {};
  const most = { maxErrors: 1 };
  return "errors" in getVariableValues(schema, variableDefinitions, variableValues ?? {}, most);
}

function findObstacle(document: DocumentNode): string | null {
  const { tokens, pairs, hasDirectives } = walkDocument(document, MAX_TOKENS);
  if (tokens > MAX_TOKENS) return `has more than ${MAX_TOKENS} tokens`;
  // Where one of two fields of the same name is left out, compiled code may order the answer otherwise.
  return hasDirectives && pairs > 0 ? "has directives, and names a field twice" : null;
}
