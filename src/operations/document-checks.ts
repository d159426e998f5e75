import type { DocumentNode, GraphQLSchema } from "graphql";
import {
  GraphQLError,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import { LRUCache } from "lru-cache";

import { COMMANDS } from "../config/commands.ts";
import type { Reservation } from "../runtime/memory-budget.ts";
import type { Name, Variables } from "./document-cost.ts";
import { createCostCheck } from "./document-cost.ts";
import { findExcess, parseWithin } from "./document-size.ts";

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

/** What an operation comes with. */
type Asker = {
  readonly onValidated?: (() => void) | undefined;
  /** Counts the memory that its document takes while it is run. */
  readonly share: Pick<Reservation, "take">;
};

/** An error is of a text that can't be parsed. */
type Validated =
  | { readonly document: DocumentNode; readonly errors: readonly GraphQLError[] }
  | GraphQLError;

/**
 * Parses and validates documents, cheap checks first, so that none can ask for much work. Keeps those used last, with
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
  const checkCost = createCostCheck(schema, options.cost);
  const kept = new LRUCache<string, Validated>({
    maxSize: MAX_KEPT_CHARACTERS,
    // Of longer ones there are no more than the operator has listed.
    sizeCalculation: (_validated, { length }) => Math.max(1, Math.min(length, MAX_DOCUMENT_LENGTH)),
  });

  function check(document: DocumentNode): readonly GraphQLError[] {
    const excess = findExcess(schema, document, tokens);
    return excess === null
      ? validate(schema, document, rules, wording).map(withNextStep)
      : [excess];
  }

  function validateOnce(text: string, share: Asker["share"]): Validated {
    const known = kept.get(text);
    if (known !== undefined) return known;
    const document = parseWithin(text, { characters, tokens });
    const { tokenCount = 0 } = document instanceof GraphQLError ? {} : document;
    // While it runs, it is held besides those that are kept.
    if (tokenCount > SMALL_DOCUMENT) share.take(tokenCount * BYTES_A_TOKEN);
    const validated =
      document instanceof GraphQLError ? document : { document, errors: check(document) };
    // One that is too long costs nothing to refuse again.
    if (text.length <= characters) kept.set(text, validated);
    return validated;
  }

  function findValid(text: string): DocumentNode | null {
    const known = kept.get(text);
    const isValid = known && !(known instanceof GraphQLError) && known.errors.length === 0;
    return isValid ? known.document : null;
  }

  const plugin: Plugin<Asker, Asker> = {
    onParse({ context: { share }, setParseFn }) {
      setParseFn((text: string) => {
        const validated = validateOnce(text, share);
        if (validated instanceof GraphQLError) throw validated;
        return validated.document;
      });
    },
    onValidate({ context: { params, share, onValidated }, setValidationFn }) {
      setValidationFn((_schema: unknown, document: DocumentNode) => {
        const validated = validateOnce(document.loc?.source.body ?? "", share);
        onValidated?.();
        if (validated instanceof GraphQLError) return [validated];
        if (validated.errors.length > 0) return validated.errors;
        const tooExpensive = checkCost(document, params.operationName, params.variables ?? {});
        return tooExpensive === null ? [] : [tooExpensive];
      });
    },
  };
  return {
    plugin,
    /** Of a text that was valid. */
    find(text: string): DocumentNode {
      const document = findValid(text) ?? parse(text);
      kept.set(text, { document, errors: [] });
      return document;
    },
    /** A valid document that was kept, if the operation is not too expensive with these variables; else null. */
    recall(text: string, name: Name, variables: Variables): DocumentNode | null {
      const document = findValid(text);
      return document && checkCost(document, name, variables) === null ? document : null;
    },
  };
}

/** The same error, shortened, and where the rule of introspection made it, what to do. */
function withNextStep(error: GraphQLError): GraphQLError {
  const short = shorten(error);
  const { message, nodes, extensions } = short;
  if (!message.startsWith("GraphQL introspection has been disabled")) return short;
  return new GraphQLError(`${message} ${NO_INTROSPECTION}`, { nodes: nodes ?? null, extensions });
}

const NO_INTROSPECTION = `Take the schema from the command: ${COMMANDS.schema} --deployments deployments.json; or start the gateway with INTROSPECTION=true.`;

/** A small document can have many errors that each repeat it whole. */
function shorten(error: GraphQLError): GraphQLError {
  const { message, nodes, extensions } = error;
  if (message.length <= MAX_MESSAGE_LENGTH) return error;
  return new GraphQLError(`${message.slice(0, MAX_MESSAGE_LENGTH)}…`, {
    nodes: nodes?.slice(0, MAX_ERRORS) ?? null,
    extensions,
  });
}
