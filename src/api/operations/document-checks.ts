import type { DocumentNode, GraphQLSchema } from "graphql";
import {
  GraphQLError,
  NoFragmentCyclesRule,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import { LRUCache } from "lru-cache";

import { COMMANDS } from "../../config/commands.ts";
import type { ErrorCode } from "../../runtime/coded-error.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import type { Reservation } from "../../runtime/memory-budget.ts";
import { toGraphQLError, withCode } from "./mask-error.ts";
import type { Asked } from "./walk-document.ts";
import { createPricedWalk, MAX_MUTATIONS, MAX_PAIRS } from "./walk-document.ts";

/** How much one document may ask for. */
export type DocumentLimits = {
  /** As sent, and again with its fragments written out. */
  readonly tokens: number;
  readonly cost: number;
};

const MAX_ERRORS = 20;
const MAX_MESSAGE_LENGTH = 1_000;
/** What a parsed document takes. */
const BYTES_A_TOKEN = 250;
/** In tokens: one that needs no room of its own, as small answers don't. */
const SMALL_DOCUMENT = 100;
/** In characters: each can be kept, and is validated within 50 ms of CPU. */
const MAX_DOCUMENT_LENGTH = 10_000;
/** A parsed document takes some fifty times its own length, and its compiled code as much again. */
const MAX_KEPT_CHARACTERS = 300_000;
/** Whatever walks a document recurses at each of them. */
const MAX_OPEN_BRACKETS = 200;

/** What an operation comes with. Its share may be opened when it is first asked for, so most don't. */
type Asker = {
  /** Counts the memory that its document takes while it is run. */
  readonly share: Pick<Reservation, "take">;
};

/** An error is of a text that can't be parsed. */
type Validated =
  | { readonly document: DocumentNode; readonly errors: readonly GraphQLError[] }
  | GraphQLError;

/**
 * Parses and validates documents, cheap checks first, so that none can ask for much work. Keeps those used last, with
 * what is wrong with them. One that is cheap with any variables is priced once.
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
  const walk = createPricedWalk(schema, options.cost);
  const mostExpensive = new WeakMap<DocumentNode, number>();
  const kept = new LRUCache<string, Validated>({
    maxSize: MAX_KEPT_CHARACTERS,
    // Of longer ones there are no more than the operator has listed.
    sizeCalculation: (_validated, { length }) => Math.max(1, Math.min(length, MAX_DOCUMENT_LENGTH)),
  });

  function parseWithin(text: string): DocumentNode | GraphQLError {
    if (text.length > characters) return tooLong(characters, "characters");
    try {
      return parse(text, { maxTokens: tokens });
    } catch (error) {
      // The parser ran out of stack.
      if (error instanceof RangeError) return tooDeep();
      if (!(error instanceof GraphQLError)) throw error;
      return error.message.includes(`that ${tokens} tokens`) ? tooLong(tokens, "tokens") : error;
    }
  }

  function findErrors(document: DocumentNode): readonly GraphQLError[] {
    const excess = findExcess(document);
    return excess === null ? validate(schema, document, rules, wording).map(forClients) : [excess];
  }

  /** Why a document is more than GraphQL's own rules should walk, or null. */
  function findExcess(document: DocumentNode): GraphQLError | null {
    if (countOpenBrackets(document) > MAX_OPEN_BRACKETS) return tooDeep();
    // Written out, a fragment that spreads itself would have no end.
    const [circle] = validate(schema, document, [NoFragmentCyclesRule], { maxErrors: 1 });
    if (circle !== undefined) return circle;
    const extent = walk(document, tokens);
    mostExpensive.set(document, extent.cost);
    if (extent.mutations > MAX_MUTATIONS)
      return tooLarge(
        MAX_MUTATIONS,
        `The operation has ${extent.mutations} mutations, and may have ${MAX_MUTATIONS}. Send the others in further requests.`,
      );
    if (extent.tokens > tokens) return tooLong(tokens, "tokens once its fragments are written out");
    if (extent.pairs <= MAX_PAIRS) return null;
    return tooLarge(
      MAX_PAIRS,
      `The document repeats fields or fragments so often in one object that GraphQL would have to compare more than ${MAX_PAIRS} pairs. Ask for each field once.`,
    );
  }

  /** Says why an operation of a valid document is too expensive with these variables, or null. */
  function checkCost(document: DocumentNode, asked: Asked): GraphQLError | null {
    const limit = options.cost;
    const most = mostExpensive.get(document) ?? walk(document, tokens).cost;
    mostExpensive.set(document, most);
    const cost = most <= limit ? most : walk(document, tokens, asked).cost;
    if (cost <= limit) return null;
    return tooLarge(
      limit,
      `The operation costs ${Math.ceil(cost)}, and may cost ${limit}. Ask for shorter pages (\`first\`), for fewer fields of each job, or for less of the schema.`,
      "DOCUMENT_TOO_COSTLY",
    );
  }

  function validateOnce(text: string, asker: Asker): Validated {
    const known = kept.get(text);
    if (known !== undefined) return known;
    const document = parseWithin(text);
    const { tokenCount = 0 } = document instanceof GraphQLError ? {} : document;
    // While it runs, it is held besides those that are kept.
    if (tokenCount > SMALL_DOCUMENT) asker.share.take(tokenCount * BYTES_A_TOKEN);
    const validated =
      document instanceof GraphQLError ? document : { document, errors: findErrors(document) };
    // One that is too long costs nothing to refuse again.
    if (text.length <= characters) kept.set(text, validated);
    return validated;
  }

  /** The document of a text, or what is wrong with it, or why an operation of it is too expensive. */
  function check(text: string, asked: Asked, asker: Asker): DocumentNode | readonly GraphQLError[] {
    const validated = validateOnce(text, asker);
    if (validated instanceof GraphQLError) return [withCode(validated, "GRAPHQL_PARSE_FAILED")];
    const { document, errors } = validated;
    if (errors.length > 0) return errors;
    const tooCostly = checkCost(document, asked);
    return tooCostly === null ? document : [tooCostly];
  }

  function findValid(text: string): DocumentNode | null {
    const known = kept.get(text);
    const isValid = known && !(known instanceof GraphQLError) && known.errors.length === 0;
    return isValid ? known.document : null;
  }

  const plugin: Plugin<Asker, Asker> = {
    onParse({ context, setParseFn }) {
      setParseFn((text: string) => {
        const validated = validateOnce(text, context);
        if (validated instanceof GraphQLError) throw validated;
        return validated.document;
      });
    },
    onValidate({ context, setValidationFn }) {
      setValidationFn((_schema: unknown, { loc }: DocumentNode) => {
        const { operationName: name, variables } = context.params;
        const checked = check(
          loc?.source.body ?? "",
          { name, variables: variables ?? {} },
          context,
        );
        return "kind" in checked ? [] : checked;
      });
    },
  };
  return {
    plugin,
    check,
    /** The document of a text that was valid. */
    find(text: string): DocumentNode {
      const document = findValid(text) ?? parse(text);
      kept.set(text, { document, errors: [] });
      return document;
    },
    /** A valid document that was kept, if the operation is not too expensive with these variables; else null. */
    recall(text: string, asked: Asked): DocumentNode | null {
      const document = findValid(text);
      return document && checkCost(document, asked) === null ? document : null;
    },
  };
}

/** The same error, shortened, as a small document can have many that each repeat it whole; and with what to do. */
function forClients(error: GraphQLError): GraphQLError {
  const { message, nodes, extensions } = error;
  const step = message.startsWith("GraphQL introspection has been disabled")
    ? NO_INTROSPECTION
    : "";
  if (message.length <= MAX_MESSAGE_LENGTH && step === "") return error;
  const text =
    message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message;
  const shown = nodes?.slice(0, MAX_ERRORS) ?? null;
  return new GraphQLError(`${text}${step}`, { nodes: shown, extensions });
}

const NO_INTROSPECTION = ` Take the schema from the command: ${COMMANDS.schema} --deployments deployments.json; or start the gateway with INTROSPECTION=true.`;

/** How many brackets are open at once at most. */
function countOpenBrackets({ loc }: DocumentNode): number {
  let open = 0;
  let most = 0;
  for (let token = loc?.startToken; token !== undefined; token = token.next ?? undefined) {
    if ("([{".includes(token.kind)) open += 1;
    if (")]}".includes(token.kind)) open -= 1;
    most = Math.max(most, open);
  }
  return most;
}

function tooLong(limit: number, what: string): GraphQLError {
  return tooLarge(
    limit,
    `The document has more than ${limit} ${what}. Ask for less, split it, or move values into variables.`,
  );
}

function tooDeep(): GraphQLError {
  return tooLarge(
    MAX_OPEN_BRACKETS,
    `The document has more than ${MAX_OPEN_BRACKETS} brackets open at once. Nest it less, or move values into variables.`,
  );
}

function tooLarge(
  limit: number,
  message: string,
  code: ErrorCode = "DOCUMENT_TOO_LARGE",
): GraphQLError {
  return toGraphQLError(new CodedError(code, message, { limit }));
}
