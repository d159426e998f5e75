import type { JsonValue } from "../job/json.ts";

export const JSON_TYPES = [
  "string",
  "integer",
  "number",
  "boolean",
  "object",
  "array",
  "null",
] as const;
export type JsonType = (typeof JSON_TYPES)[number];

/**
 * A JSON Schema after reading: in the words of 2020-12 whatever it was written in, with every `$ref` as `#` or
 * `#/$defs/<name>` and every target there, no `$id` or anchor, and only keywords that are checked. A `type` is always a
 * list; a `default` stands directly beside it or is not there.
 */
export type JsonSchema = boolean | JsonSchemaObject;

export type JsonSchemaObject = {
  readonly $ref?: string;
  readonly $defs?: SchemaMap;
  readonly type?: readonly JsonType[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: JsonValue;
  readonly enum?: readonly JsonValue[];
  readonly const?: JsonValue;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly properties?: SchemaMap;
  readonly patternProperties?: SchemaMap;
  readonly additionalProperties?: JsonSchema;
  readonly propertyNames?: JsonSchema;
  readonly unevaluatedProperties?: JsonSchema;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly dependentRequired?: Readonly<Record<string, readonly string[]>>;
  readonly dependentSchemas?: SchemaMap;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly unevaluatedItems?: JsonSchema;
  readonly contains?: JsonSchema;
  readonly minContains?: number;
  readonly maxContains?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly allOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly if?: JsonSchema;
  readonly then?: JsonSchema;
  readonly else?: JsonSchema;
};

/** A schema while it is being put together. */
export type SchemaDraft = { -readonly [K in keyof JsonSchemaObject]: JsonSchemaObject[K] };

type SchemaMap = Readonly<Record<string, JsonSchema>>;

/** What is wrong with a schema: where in the document, and what. */
export type SchemaProblem = {
  readonly path: readonly (string | number)[];
  readonly message: string;
};
