import type { DocumentNode } from "graphql";

const MOST_DOCUMENTS = 500;
const LONGEST_DOCUMENT = 10_000;

/**
 * Keeps the parsed documents that were used last. Long ones are parsed each time: a parsed document takes some hundred
 * times its own length, and nobody shall fill the memory with them.
 */
export function createDocumentCache(): {
  get(source: string): DocumentNode | undefined;
  set(source: string, document: DocumentNode): void;
} {
  const documents = new Map<string, DocumentNode>();
  return {
    get(source) {
      const document = documents.get(source);
      if (document === undefined) return undefined;
      documents.delete(source);
      documents.set(source, document);
      return document;
    },
    set(source, document) {
      if (source.length > LONGEST_DOCUMENT) return;
      documents.set(source, document);
      if (documents.size <= MOST_DOCUMENTS) return;
      for (const oldest of documents.keys()) {
        documents.delete(oldest);
        return;
      }
    },
  };
}
