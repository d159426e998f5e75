import type { ValueNode } from "graphql";
import { Kind } from "graphql";
import { z } from "zod";

import type { JsonValue } from "../job/json.ts";
import type { Builder } from "./builder.ts";
import { badUserInput } from "./coded-errors.ts";

export function addScalars(builder: Builder): void {
  builder.scalarType("DateTime", {
    description:
      "A moment as RFC 3339 text, e.g. `2025-07-22T13:05:16.143Z`. Answers are in UTC with milliseconds; an argument may have any offset, but it must have one.",
    serialize: (date) => date.toISOString(),
    parseValue: parseDateTime,
  });
  builder.scalarType("JSON", {
    description:
      "Any JSON value, passed on as it is. As a literal it is written in GraphQL's syntax, and may hold variables.",
    serialize: (value) => value,
    parseValue: parseJson,
    parseLiteral: readLiteral,
  });
  builder.scalarType("URL", {
    description: "An absolute http or https URL, as its owner spells it.",
    serialize: (url) => url,
  });
}

/** Only for schemas with generated types: GraphQL's Int has 32 bits. */
export function addSafeInt(builder: Builder): void {
  builder.scalarType("SafeInt", {
    description: "An integer from -(2^53-1) to 2^53-1: beyond, JSON numbers lose digits.",
    serialize: (integer) => integer,
    parseValue: parseSafeInt,
    parseLiteral: (node) => parseSafeInt(node.kind === Kind.INT ? Number(node.value) : null),
  });
}

function parseSafeInt(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw badUserInput(
      "This is no integer from -(2^53-1) to 2^53-1. Write one without a fraction.",
    );
  }
  return value;
}

const DATE_TIME = z.iso.datetime({ offset: true }).regex(/T\d\d:\d\d:\d\d/);

function parseDateTime(value: unknown): Date {
  const parsed = DATE_TIME.safeParse(value);
  if (!parsed.success) {
    throw badUserInput(
      "This is no RFC 3339 date and time with a zone. Write it like 2025-07-22T13:05:16Z or 2025-07-22T15:05:16+02:00.",
    );
  }
  return new Date(parsed.data);
}

function parseJson(value: unknown): JsonValue {
  if (!isJson(value)) throw badUserInput("This is no JSON value. Send what JSON can hold.");
  return value;
}

/** Looks at the outside only: what was parsed from JSON is JSON all the way down. */
function isJson(value: unknown): value is JsonValue {
  if (value === null) return true;
  if (typeof value !== "object") return ["boolean", "number", "string"].includes(typeof value);
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

type Variables = { readonly [name: string]: unknown } | null | undefined;

function readLiteral(node: ValueNode, variables: Variables): JsonValue {
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.BOOLEAN:
    case Kind.STRING:
      return node.value;
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.LIST:
      return node.values.map((member) => readLiteral(member, variables));
    case Kind.OBJECT:
      // From entries, because assigning `__proto__` would set the prototype instead of a key.
      return Object.fromEntries(
        node.fields
          .filter((field) => !isUnset(field.value, variables))
          .map((field) => [field.name.value, readLiteral(field.value, variables)]),
      );
    case Kind.VARIABLE:
      return isUnset(node, variables) ? null : parseJson(variables?.[node.name.value]);
    case Kind.ENUM:
      throw badUserInput(`JSON has no word ${node.value}. Put it in quotes.`);
  }
}

/** As GraphQL has it for its own input objects: a key whose variable was not given is left out. */
function isUnset(node: ValueNode, variables: Variables): boolean {
  return node.kind === Kind.VARIABLE && variables?.[node.name.value] === undefined;
}
