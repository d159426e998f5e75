import type { ASTVisitor, ValidationContext } from "graphql";
import type { Plugin } from "graphql-yoga";

import { documentError } from "./document-error.ts";

/** Fields of a query whose answer grows with the catalogue; one of 300 deployments is more than a megabyte. */
const LARGE_FIELDS: ReadonlySet<string> = new Set(["__schema", "deployments"]);

/** Refuses a document that asks for a large answer several times under other names. */
export function createLargeFieldLimit(): Plugin {
  return {
    onValidate({ addValidationRule }) {
      addValidationRule(refuseRepetition);
    },
  };
}

function refuseRepetition(context: ValidationContext): ASTVisitor {
  const keys = new Map<string, string>();
  return {
    Field({ name: { value: name }, alias }) {
      if (!LARGE_FIELDS.has(name)) return;
      if (context.getParentType() !== context.getSchema().getQueryType()) return;
      // Those of one key are one answer.
      const key = alias?.value ?? name;
      if ((keys.get(name) ?? key) !== key) {
        const message = `The document asks for \`${name}\` more than once. Ask once for all that you need of it.`;
        context.reportError(documentError("DOCUMENT_TOO_COSTLY", 1, message));
      }
      keys.set(name, key);
    },
  };
}
