import type { JsonValue } from "../../job/json.ts";

/** What GraphQL can say of the values that a JSON Schema allows; where it can't, the scalar JSON. */
export type Shape = ValueShape & {
  /** Whether null is a value that the schema allows. */
  readonly isNullable: boolean;
};

/** The same of values but null. */
export type ValueShape =
  | { readonly kind: "scalar"; readonly scalar: ScalarName }
  | { readonly kind: "enum"; readonly enumeration: EnumShape }
  | { readonly kind: "list"; readonly item: Shape }
  | { readonly kind: "object"; readonly object: ObjectShape };

export type ScalarName = "String" | "Int" | "SafeInt" | "Float" | "Boolean" | "JSON";

export type EnumShape = {
  /** Unique in the whole GraphQL schema. */
  readonly typeName: string;
  /** In the schema's words; null where it has none. */
  readonly description: string | null;
  readonly values: readonly { readonly graphqlName: string; readonly value: string | number }[];
};

export type ObjectShape = {
  /** Unique in the whole GraphQL schema. */
  readonly typeName: string;
  /** In the schema's words; null where it has none. */
  readonly description: string | null;
  /** At least one, in the schema's order, and each `graphqlName` once. */
  readonly fields: readonly FieldShape[];
  /** Whether the schema says that there may be other members, which no field can hold. */
  readonly isOpen: boolean;
};

export type FieldShape = {
  /** The upstream's own. */
  readonly name: string;
  readonly graphqlName: string;
  readonly shape: Shape;
  /** Whether it may not be left out. It may be null all the same. */
  readonly isRequired: boolean;
  /** What the schema says holds when it is left out; undefined where it says nothing. It is never sent. */
  readonly default: JsonValue | undefined;
  /** Inclusive bounds of a number, as far as the schema has them as such. */
  readonly minimum: number | null;
  readonly maximum: number | null;
  /** In the schema's words; null where it has none. */
  readonly description: string | null;
  /** What else the schema demands of it, as short sentences, e.g. `` `minimum` 64, `maximum` 4096. ``; may be empty. */
  readonly rules: readonly string[];
};
