import type { ValueNode } from "graphql";
import { GraphQLError, Kind, valueFromASTUntyped, visit } from "graphql";
import { z } from "zod";

import type { JsonValue } from "../job/json.ts";
import type { Builder } from "./builder.ts";

export function addScalars(builder: Builder): void {
  builder.scalarType("DateTime", {
    description:
      "An RFC 3339 date and time, e.g. `2025-07-22T13:05:16.143Z`. Answers are in UTC with milliseconds; an argument may have any offset, but must have one.",
    serialize: (date) => date.toISOString(),
    parseValue: (value) => parseDateTime(value),
    parseLiteral: (node) => parseDateTime(node.kind === Kind.STRING ? node.value : null, node),
  });
  builder.scalarType("JSON", {
    description:
      "Any JSON value, passed on unchanged. A literal is written in GraphQL's syntax and may contain variables.",
    serialize: (value) => value,
    parseValue: parseJson,
    parseLiteral: (node, variables) => parseJson(readLiteral(node, variables ?? {})),
  });
  builder.scalarType("URL", {
    description: "An absolute http or https URL. RunComfy's URLs are passed on unchanged.",
    serialize: (url) => url,
  });
  // GraphQL's Int has 32 bits.
  builder.scalarType("SafeInt", {
    description:
      "An integer from -(2^53-1) to 2^53-1; JSON numbers lose digits outside of this range.",
    serialize: (integer) => integer,
    parseValue: parseSafeInt,
    parseLiteral: (node) => parseSafeInt(node.kind === Kind.INT ? Number(node.value) : null),
  });
}

function parseSafeInt(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw badUserInput(
    "This is not an integer from -(2^53-1) to 2^53-1. Send one without a fraction.",
  );
}

const DATE_TIME = z.iso.datetime({ offset: true }).regex(/T\d\d:\d\d:\d\d/);

function parseDateTime(value: unknown, literal: ValueNode | null = null): Date {
  const parsed = DATE_TIME.safeParse(value);
  if (parsed.success) return new Date(parsed.data);
  throw badUserInput(
    "This is not an RFC 3339 date and time with an offset. Write it like 2025-07-22T13:05:16Z or 2025-07-22T15:05:16+02:00.",
    literal,
  );
}

function parseJson(value: unknown): JsonValue {
  if (isJson(value)) return value;
  throw badUserInput("This is not a JSON value. Send what JSON can hold.");
}

/** Looks at the outside only: what was parsed from JSON is JSON all the way down. */
function isJson(value: unknown): value is JsonValue {
  if (value === null) return true;
  if (typeof value !== "object") return ["boolean", "number", "string"].includes(typeof value);
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** As in GraphQL's own input objects, a key whose variable was not given is left out; in a list it is null. */
function readLiteral(literal: ValueNode, variables: { readonly [name: string]: unknown }): unknown {
  const isUnset = (node: ValueNode): boolean =>
    node.kind === Kind.VARIABLE && variables[node.name.value] === undefined;
  const given: ValueNode = visit(literal, {
    ObjectField: ({ value }) => (isUnset(value) ? null : undefined),
    Variable: (node) => (isUnset(node) ? { kind: Kind.NULL } : undefined),
    EnumValue({ value }) {
      throw badUserInput(`JSON has no word ${value}. Put it in quotes.`);
    },
  });
  return valueFromASTUntyped(given, variables);
}

/** GraphQL would put words of its own before those of any other error; `literal` tells where it is. */
function badUserInput(message: string, literal: ValueNode | null = null): GraphQLError {
  return new GraphQLError(message, { nodes: literal, extensions: { code: "BAD_USER_INPUT" } });
}
