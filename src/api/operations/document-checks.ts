import { complexityFromQuery } from "@pothos/plugin-complexity";
import type { DocumentNode, GraphQLSchema } from "graphql";
import {
  getOperationAST,
  getVariableValues,
  GraphQLError,
  Kind,
  Lexer,
  NoFragmentCyclesRule,
  NoSchemaIntrospectionCustomRule,
  NoUnusedFragmentsRule,
  parse,
  Source,
  specifiedRules,
  TokenKind,
  UniqueFragmentNamesRule,
  validate,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import { LRUCache } from "lru-cache";

import { COMMANDS } from "../../config/commands.ts";
import type { ErrorCode } from "../../runtime/coded-error.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { toGraphQLError, withCode } from "./mask-error.ts";
import { walkDocument } from "./walk-document.ts";

/** How much one document may ask for. */
export type DocumentLimits = {
  /** As sent, and again with its fragments written out. */
  readonly tokens: number;
  readonly cost: number;
};

/** The operation that is run, and what it is run with. */
type Asked = {
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
};

/** No document is that of a text which can't be parsed. */
type Validated = {
  readonly document: DocumentNode | null;
  readonly errors: readonly GraphQLError[];
};

const MAX_ERRORS = 20;
/** Unlike queries, each may write, or wait for RunComfy. */
const MAX_MUTATIONS = 10;
/** GraphQL's rule of fields that merge takes some microseconds for each. */
const MAX_PAIRS = 10_000;
/** Of the whole schema. */
const MAX_READS = 2;
/** What `walkDocument` counts where a tool asks for all that there is of it. */
const WHOLE_SCHEMA = 70_000;
/** In characters. */
const MAX_DOCUMENT_LENGTH = 10_000;
/** A parsed document takes some fifty times its own length, and its compiled code as much again. */
const MAX_KEPT_CHARACTERS = 300_000;
/** Whatever walks a document recurses at each of them. */
const MAX_OPEN_BRACKETS = 200;
/** So that all fragments can be written out, and are. */
const FRAGMENT_RULES = [UniqueFragmentNamesRule, NoFragmentCyclesRule, NoUnusedFragmentsRule];

/**
 * Parses and validates documents, cheap checks first, so that none can ask for much work, and keeps those used last with
 * what is wrong with them.
 */
export function createDocumentChecks(
  schema: GraphQLSchema,
  options: DocumentLimits & {
    readonly hasIntrospection: boolean;
    /** Whether the operator has listed all of them, so that they may have any length. */
    readonly areTrusted: boolean;
  },
) {
  const { tokens, hasIntrospection, areTrusted } = options;
  const characters = areTrusted ? Infinity : MAX_DOCUMENT_LENGTH;
  const rules = hasIntrospection
    ? specifiedRules
    : [...specifiedRules, NoSchemaIntrospectionCustomRule];
  const wording = { maxErrors: MAX_ERRORS, hideSuggestions: !hasIntrospection };
  const kept = new LRUCache<string, Validated>({
    maxSize: MAX_KEPT_CHARACTERS,
    // Of longer ones there are no more than the operator has listed.
    sizeCalculation: (_validated, { length }) => Math.max(1, Math.min(length, MAX_DOCUMENT_LENGTH)),
  });

  /** Throws what is wrong with a text before anything recurses into it. */
  function parseWithin(text: string): DocumentNode {
    if (text.length > characters) throw tooLong(characters, "characters");
    const lexer = new Lexer(new Source(text));
    let count = 0;
    let open = 0;
    for (let { kind } = lexer.advance(); kind !== TokenKind.EOF; { kind } = lexer.advance()) {
      count += 1;
      if ("([{".includes(kind)) open += 1;
      if (")]}".includes(kind)) open -= 1;
      if (count > tokens) throw tooLong(tokens, "tokens");
      if (open > MAX_OPEN_BRACKETS) throw refuse(MAX_OPEN_BRACKETS, TOO_DEEP);
    }
    return parse(text);
  }

  function findErrors(document: DocumentNode): readonly GraphQLError[] {
    const errors = validate(schema, document, FRAGMENT_RULES, wording);
    if (errors.length > 0) return errors;
    const extent = walkDocument(document, tokens);
    if (extent.mutations > MAX_MUTATIONS) return [refuse(MAX_MUTATIONS, TOO_MANY_MUTATIONS)];
    if (extent.tokens > tokens) return [tooLong(tokens, "tokens with its fragments written out")];
    if (extent.pairs > MAX_PAIRS) return [refuse(MAX_PAIRS, TOO_MANY_PAIRS)];
    if (extent.members > MAX_READS * WHOLE_SCHEMA)
      return [refuse(MAX_READS, TOO_MUCH_SCHEMA, "DOCUMENT_TOO_COSTLY")];
    return validate(schema, document, rules, wording).map(explain);
  }

  /** Says why an operation of a valid document costs too much with these variables, or can't be priced. */
  function checkCost(document: DocumentNode, asked: Asked): readonly GraphQLError[] {
    const operation = getOperationAST(document, asked.operationName || null);
    // The executor says so, and runs nothing.
    if (!operation) return [];
    const variables = asked.variables ?? {};
    const fragments = document.definitions.filter((one) => one.kind === Kind.FRAGMENT_DEFINITION);
    // The plugin prices the first operation.
    const priced = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] } as const;
    try {
      const { complexity: cost } = complexityFromQuery(priced, { schema, variables });
      if (cost <= options.cost) return [];
      const message = `The operation costs ${cost}, and may cost ${options.cost}. Ask for shorter pages (\`first\`), or for fewer fields of each job.`;
      return [refuse(options.cost, message, "DOCUMENT_TOO_COSTLY")];
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      const { variableDefinitions = [] } = operation;
      const coerced = getVariableValues(schema, variableDefinitions, variables, { maxErrors: 1 });
      // The executor names all variables that are wrong, and runs nothing.
      return "errors" in coerced ? [] : [withCode(error, "BAD_USER_INPUT")];
    }
  }

  function validateAnew(text: string): Validated {
    try {
      const document = parseWithin(text);
      return { document, errors: findErrors(document) };
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      return { document: null, errors: [withCode(error, "GRAPHQL_PARSE_FAILED")] };
    }
  }

  function validateOnce(text: string): Validated {
    const known = kept.get(text);
    if (known !== undefined) return known;
    const validated = validateAnew(text);
    // One that is too long costs nothing to refuse again.
    if (text.length <= characters) kept.set(text, validated);
    return validated;
  }

  /** The document of a text, or what is wrong with it, or why an operation of it is not run. */
  function check(text: string, asked: Asked): DocumentNode | readonly GraphQLError[] {
    const { document, errors } = validateOnce(text);
    if (document === null || errors.length > 0) return errors;
    const obstacles = checkCost(document, asked);
    return obstacles.length === 0 ? document : obstacles;
  }

  const plugin: Plugin = {
    onParse({ setParseFn }) {
      setParseFn((text: string) => validateOnce(text).document ?? parseWithin(text));
    },
    onValidate({ context, setValidationFn }) {
      setValidationFn((_schema: unknown, { loc }: DocumentNode) => {
        const checked = check(loc?.source.body ?? "", context.params);
        return "kind" in checked ? [] : checked;
      });
    },
  };
  return { plugin, check };
}

const TOO_DEEP = `The document has more than ${MAX_OPEN_BRACKETS} brackets open at once. Nest it less, or move values into variables.`;
const TOO_MANY_MUTATIONS = `The operation has more than ${MAX_MUTATIONS} mutations. Send the others in further requests.`;
const TOO_MANY_PAIRS = `The document repeats fields or fragments so often in one object that GraphQL would have to compare more than ${MAX_PAIRS} pairs. Ask for each field once.`;
const TOO_MUCH_SCHEMA = `The document reads more of the schema than all of it ${MAX_READS} times. Ask for less of it, or for the rest in further requests.`;

const NO_INTROSPECTION = `Take the schema from the command: ${COMMANDS.schema} --deployments deployments.json; or start the gateway with INTROSPECTION=true.`;

function explain(error: GraphQLError): GraphQLError {
  const { message } = error;
  if (!message.startsWith("GraphQL introspection has been disabled")) return error;
  return withCode(error, "GRAPHQL_VALIDATION_FAILED", `${message} ${NO_INTROSPECTION}`);
}

function tooLong(limit: number, what: string): GraphQLError {
  const message = `The document has more than ${limit} ${what}. Ask for less, split it, or move values into variables.`;
  return refuse(limit, message);
}

function refuse(limit: number, message: string, code: ErrorCode = "DOCUMENT_TOO_LARGE") {
  return toGraphQLError(new CodedError(code, message, { limit }));
}
