import { GraphQLError, NoSchemaIntrospectionCustomRule } from "graphql";
import type { Plugin } from "graphql-yoga";

/** Refuses every document that asks for the schema itself, and guesses no names in what it says of others. */
export function createIntrospectionBan(): Plugin {
  return {
    onValidate({ addValidationRule }) {
      addValidationRule(NoSchemaIntrospectionCustomRule);
      return ({ result, setResult }) => setResult(result.map(withoutGuess));
    },
  };
}

/** An error's text without what it guesses was meant, which would tell the schema name by name. */
export function withoutSuggestions(message: string): string {
  return message.replaceAll(/ Did you mean [^?]*\?/g, "");
}

function withoutGuess(error: unknown): unknown {
  if (!(error instanceof GraphQLError)) return error;
  const { nodes, extensions } = error;
  return new GraphQLError(withoutSuggestions(error.message), { nodes: nodes ?? null, extensions });
}
