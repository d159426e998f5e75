import type { DocumentNode, GraphQLSchema, ValidationRule } from "graphql";
import { GraphQLError, NoSchemaIntrospectionCustomRule, validate } from "graphql";
import type { Plugin } from "graphql-yoga";
import { LRUCache } from "lru-cache";

import { COMMANDS } from "../config/commands.ts";
import type { BacklogShare } from "../schema/backlog.ts";
import type { Name, Variables } from "./document-cost.ts";
import { createCostCheck } from "./document-cost.ts";
import { findExcess, parseWithin } from "./document-size.ts";

/** How much one document may ask for. */
export type DocumentLimits = {
  /** As sent, and again with its fragments written out. */
  readonly tokens: number;
  readonly cost: number;
};

const MOST_ERRORS = 20;
const LONGEST_MESSAGE = 1_000;
/** What a parsed document takes. */
const BYTES_A_TOKEN = 250;
/** In tokens: one that needs no room of its own, as small answers don't. */
const SMALL_DOCUMENT = 100;
/** A parsed document takes some fifty times its own length, and its compiled code as much again. */
const MOST_KEPT_CHARACTERS = 300_000;
export const LONGEST_KEPT_DOCUMENT = 10_000;

/**
 * Parses and validates documents, cheap checks first, so that none can ask for much work. Keeps the valid ones used last;
 * long ones are checked each time, so that nobody fills the memory with them.
 */
export function createDocumentChecks(
  schema: GraphQLSchema,
  options: DocumentLimits & { readonly hasIntrospection: boolean },
) {
  const { tokens, hasIntrospection } = options;
  const checkCost = createCostCheck(schema, options.cost);
  const kept = new LRUCache<string, DocumentNode>({
    maxSize: MOST_KEPT_CHARACTERS,
    maxEntrySize: LONGEST_KEPT_DOCUMENT,
    sizeCalculation: (_document, text) => text.length,
  });

  function check(document: DocumentNode, rules: readonly ValidationRule[]) {
    const excess = findExcess(schema, document, tokens);
    if (excess !== null) return [excess];
    const all = hasIntrospection ? rules : [...rules, NoSchemaIntrospectionCustomRule];
    const wording = { maxErrors: MOST_ERRORS, hideSuggestions: !hasIntrospection };
    return validate(schema, document, all, wording).map(withNextStep);
  }

  const plugin: Plugin<{ readonly share: Pick<BacklogShare, "take"> }> = {
    onParse({ context, params: { source }, setParsedDocument, setParseFn }) {
      const document = kept.get(source.toString());
      if (document !== undefined) return setParsedDocument(document);
      return setParseFn((text: string) => {
        const parsed = parseWithin(text, tokens);
        const { tokenCount = 0 } = parsed;
        // While it runs, it is held besides those that are kept.
        if (tokenCount > SMALL_DOCUMENT) context.share.take(tokenCount * BYTES_A_TOKEN);
        return parsed;
      });
    },
    onValidate({ context: { params }, setValidationFn }) {
      setValidationFn(
        (_schema: unknown, document: DocumentNode, rules: readonly ValidationRule[]) => {
          const text = document.loc?.source.body ?? "";
          if (kept.peek(text) !== document) {
            const errors = check(document, rules).map(shorten);
            if (errors.length > 0) return errors;
            kept.set(text, document);
          }
          const dear = checkCost(document, params.operationName, params.variables ?? {});
          return dear === null ? [] : [dear];
        },
      );
    },
  };
  return {
    plugin,
    /** Of a text that was valid. */
    find(text: string): DocumentNode {
      const document = kept.get(text) ?? parseWithin(text, tokens);
      kept.set(text, document);
      return document;
    },
    /** A valid document that was kept, if the operation is not too dear with these variables; else null. */
    recall(text: string, name: Name, variables: Variables): DocumentNode | null {
      const document = kept.get(text);
      return document && checkCost(document, name, variables) === null ? document : null;
    },
  };
}

/** The same error, and where the rule of introspection made it, what to do. */
function withNextStep(error: GraphQLError): GraphQLError {
  const { message, nodes = null, extensions } = error;
  if (!message.startsWith("GraphQL introspection has been disabled")) return error;
  return new GraphQLError(`${message} ${NO_INTROSPECTION}`, { nodes, extensions });
}

const NO_INTROSPECTION = `Take the schema from the command: ${COMMANDS.schema} --deployments deployments.json; or start the gateway with INTROSPECTION=true.`;

/** A small document can have many errors that each repeat it whole. */
function shorten(error: GraphQLError): GraphQLError {
  const { message, nodes, extensions } = error;
  if (message.length <= LONGEST_MESSAGE) return error;
  return new GraphQLError(`${message.slice(0, LONGEST_MESSAGE)}…`, {
    nodes: nodes?.slice(0, MOST_ERRORS) ?? null,
    extensions,
  });
}
