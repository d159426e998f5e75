import { readFile } from "node:fs/promises";

import { GraphQLError } from "graphql";
import type { Plugin } from "graphql-yoga";
import { z } from "zod";

import { CodedError, codeOf, SetupError } from "../../runtime/coded-error.ts";
import type { ErrorCode } from "../../runtime/coded-error.ts";
import { toGraphQLError } from "./mask-error.ts";

/** The only documents that run. */
export type TrustedDocuments = Awaited<ReturnType<typeof loadTrustedDocuments>>;

type Named = {
  readonly query?: unknown;
  readonly documentId?: unknown;
  readonly extensions?: unknown;
};

/**
 * Reads `file`, a JSON object of documents by their hash; `others` are trusted word for word as well. Rejects with a
 * `SetupError`.
 */
export async function loadTrustedDocuments(file: string, others: readonly string[]) {
  const listed = Object.entries(await read(file));
  const byHash = new Map(listed.map(([hash, text]) => [withoutAlgorithm(hash), text]));
  const texts: ReadonlySet<string> = new Set([...byHash.values(), ...others]);
  return {
    /** The listed document that a request names, by its hash or word for word, or an error that says what is missing. */
    find({ query, documentId, extensions }: Named): string | GraphQLError {
      const hash =
        toHash(documentId) ?? EXTENSIONS.safeParse(extensions).data?.persistedQuery.sha256Hash;
      if (hash !== undefined)
        return byHash.get(withoutAlgorithm(hash)) ?? refuse("PERSISTED_QUERY_NOT_FOUND", NOT_FOUND);
      return typeof query === "string" && texts.has(query)
        ? query
        : refuse("PERSISTED_QUERY_REQUIRED", REQUIRED);
    },
  };
}

/** Finds the documents of requests over HTTP. */
export function createDocumentFinder(documents: TrustedDocuments): Plugin {
  return {
    onParams({ params, setParams, request }) {
      // Yoga refuses anything but an object later.
      if (typeof params !== "object" || params === null) return;
      // Yoga reads only the parameters it knows.
      const parameters =
        request.method === "GET" ? URL.parse(request.url)?.searchParams : undefined;
      const query = documents.find({ documentId: parameters?.get("documentId"), ...params });
      if (query instanceof GraphQLError) throw query;
      setParams({ ...params, query });
    },
  };
}

/** For `JSON.parse`: a subscribe that names a document gets an empty query, or graphql-ws would close its socket. */
export function fillInQuery(key: string, value: unknown): unknown {
  const { data: message } = key === "" ? SUBSCRIBE.safeParse(value) : {};
  return message ? { ...message, payload: { ...message.payload, query: "" } } : value;
}

const SUBSCRIBE = z.looseObject({
  type: z.literal("subscribe"),
  payload: z
    .looseObject({ query: z.undefined().optional() })
    .refine(({ documentId, extensions }) => documentId !== undefined || extensions !== undefined),
});

const FILE = z.record(z.string(), z.string());
const EXTENSIONS = z.object({ persistedQuery: z.object({ sha256Hash: z.string() }) });

function toHash(documentId: unknown): string | undefined {
  return typeof documentId === "string" && documentId !== "" ? documentId : undefined;
}

/** Graphql-codegen writes `sha256:` before the hash, and clients send it with or without. */
function withoutAlgorithm(hash: string): string {
  return hash.replace(/^sha256:/, "");
}

async function read(file: string): Promise<Readonly<Record<string, string>>> {
  try {
    return FILE.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    const code = codeOf(error);
    const reason =
      code === undefined
        ? "is not a JSON object of documents by their hash"
        : `can't be read (${code})`;
    throw new SetupError(
      `TRUSTED_DOCUMENTS: the file ${file} ${reason}. Write it with graphql-codegen (persistedDocuments: { hashAlgorithm: "sha256" } of its client preset), or unset the variable.`,
      { cause: error },
    );
  }
}

function refuse(code: ErrorCode, message: string): GraphQLError {
  return toGraphQLError(new CodedError(code, message));
}

const NOT_FOUND =
  "This gateway knows no document with that hash. Add it to the file of trusted documents, and start the gateway again.";
const REQUIRED =
  "This gateway runs listed documents only. Send the hash of one as documentId or extensions.persistedQuery.sha256Hash.";
