import { maxAliasesPlugin } from "@escape.tech/graphql-armor-max-aliases";
import { maxDepthPlugin } from "@escape.tech/graphql-armor-max-depth";
import { maxDirectivesPlugin } from "@escape.tech/graphql-armor-max-directives";
import { maxTokensPlugin } from "@escape.tech/graphql-armor-max-tokens";
import type { GraphQLError, ValidationContext } from "graphql";
import type { Plugin } from "graphql-yoga";

import { createBracketLimit } from "./bracket-limit.ts";
import { createCostLimit } from "./document-cost.ts";
import { documentError } from "./document-error.ts";
import { createErrorLimit } from "./few-errors.ts";
import { createIntrospectionLimit } from "./introspection-cost.ts";
import { createLargeFieldLimit } from "./large-fields.ts";
import { createSizeLimit } from "./written-out.ts";

/** How much one document may ask for. */
export type DocumentLimits = {
  /** As it is sent, and also with its fragments written out. */
  readonly tokens: number;
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  readonly cost: number;
};

/** Plugins that bound how much work one document can ask for; the cache of documents comes behind them. */
export function createDocumentLimits(limits: DocumentLimits): readonly Plugin[] {
  const { tokens, depth, aliases, directives, cost } = limits;
  return [
    maxTokensPlugin({
      n: tokens,
      onReject: [
        () => {
          throw documentError(
            "DOCUMENT_TOO_LARGE",
            tokens,
            `The document has more than ${tokens} tokens. Split it, or move values into variables.`,
          );
        },
      ],
    }),
    createBracketLimit({ tokens }),
    createSizeLimit({ tokens }),
    createErrorLimit(),
    maxDepthPlugin({
      n: depth,
      flattenFragments: true,
      propagateOnRejection: false,
      onReject: [
        report(
          documentError(
            "DOCUMENT_TOO_DEEP",
            depth,
            `The document has more than ${depth} levels. Ask for less depth.`,
          ),
        ),
      ],
    }),
    maxAliasesPlugin({
      n: aliases,
      // Unless told otherwise it counts no alias of `__typename`, of which a document has room for thousands.
      allowList: [],
      propagateOnRejection: false,
      onReject: [
        report(
          documentError(
            "TOO_MANY_ALIASES",
            aliases,
            `The document has more than ${aliases} aliases. Use fewer, or send several requests.`,
          ),
        ),
      ],
    }),
    maxDirectivesPlugin({
      n: directives,
      propagateOnRejection: false,
      onReject: [
        report(
          documentError(
            "TOO_MANY_DIRECTIVES",
            directives,
            `The document has more than ${directives} directives. Use fewer, or send several requests.`,
          ),
        ),
      ],
    }),
    createLargeFieldLimit(),
    createIntrospectionLimit(),
    createCostLimit({ cost }),
  ];
}

/** Reported, not thrown, so that it stands among the other things that are wrong with the document. */
function report(error: GraphQLError) {
  return (context: ValidationContext | null): void => context?.reportError(error);
}
