import type { DocumentNode } from "graphql";
import type { Plugin } from "graphql-yoga";
import { LRUCache } from "lru-cache";

/** A parsed document takes some hundred times its own length. */
const MOST_CHARACTERS = 300_000;
const LONGEST_DOCUMENT = 10_000;

/**
 * Keeps the documents that were used last and are valid, parsed and checked; behind all plugins that check documents.
 * Long ones are parsed each time, so that nobody fills the memory with them.
 */
export function createDocumentCache(): Plugin {
  const documents = new LRUCache<string, DocumentNode>({
    maxSize: MOST_CHARACTERS,
    maxEntrySize: LONGEST_DOCUMENT,
    sizeCalculation: (_document, source) => source.length,
  });
  const sources = new WeakMap<DocumentNode, string>();
  return {
    onParse({ params: { source }, setParsedDocument }) {
      const text = source.toString();
      const document = documents.get(text);
      if (document !== undefined) {
        setParsedDocument(document);
        return undefined;
      }
      return ({ result }) => {
        if (result !== null && !(result instanceof Error)) sources.set(result, text);
      };
    },
    onValidate({ params: { documentAST }, setResult }) {
      const source = sources.get(documentAST);
      if (source === undefined) return undefined;
      if (documents.peek(source) === documentAST) {
        setResult([]);
        return undefined;
      }
      return ({ result }) => {
        if (result.length === 0) documents.set(source, documentAST);
      };
    },
  };
}
