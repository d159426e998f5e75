import { maxAliasesPlugin } from "@escape.tech/graphql-armor-max-aliases";
import { maxDepthPlugin } from "@escape.tech/graphql-armor-max-depth";
import { maxTokensPlugin } from "@escape.tech/graphql-armor-max-tokens";
import type { ValidationContext } from "graphql";
import { GraphQLError } from "graphql";

const MOST_TOKENS = 5_000;
const MOST_LEVELS = 12;
const MOST_ALIASES = 30;

/** Plugins that bound how much work one document can ask for. */
export function createDocumentLimits() {
  return [
    maxTokensPlugin({
      n: MOST_TOKENS,
      onReject: [
        () => {
          throw new GraphQLError(
            `The document has more than ${MOST_TOKENS} tokens. Split it, or move values into variables.`,
          );
        },
      ],
    }),
    maxDepthPlugin({
      n: MOST_LEVELS,
      flattenFragments: true,
      propagateOnRejection: false,
      onReject: [reject(`more than ${MOST_LEVELS} levels. Ask for less depth`)],
    }),
    maxAliasesPlugin({
      n: MOST_ALIASES,
      propagateOnRejection: false,
      onReject: [reject(`more than ${MOST_ALIASES} aliases. Use fewer, or send several requests`)],
    }),
  ];
}

/** Reported, not thrown, so that it stands among the other things that are wrong with the document. */
function reject(what: string) {
  return (context: ValidationContext | null): void => {
    context?.reportError(new GraphQLError(`The document has ${what}.`));
  };
}
