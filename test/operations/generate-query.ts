import fc from "fast-check";
import type { GraphQLField, GraphQLInputType, GraphQLNamedType, GraphQLSchema } from "graphql";
import {
  getNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isInterfaceType,
} from "graphql";

const MAX_DEPTH = 3;

/** A query of the schema as text, mostly valid; its variables `$yes` and `$no` are booleans, `$ids` are ids. */
export function queriesOf(
  schema: GraphQLSchema,
  ids: readonly string[] = [],
): fc.Arbitrary<string> {
  function argument(type: GraphQLInputType): fc.Arbitrary<string> {
    if (isNonNullType(type)) return argument(type.ofType);
    if (isListType(type))
      return fc.array(argument(type.ofType), { maxLength: 2 }).map((all) => `[${all.join(", ")}]`);
    if (isEnumType(type)) return fc.constantFrom(...type.getValues().map(({ name }) => name));
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields());
      return fc
        .tuple(
          ...fields.map(({ name, type: given }) => {
            const text = argument(given).map((value) => `${name}: ${value}`);
            return isNonNullType(given) ? text : fc.option(text);
          }),
        )
        .map((parts) => `{ ${parts.filter((part) => part !== null).join(", ")} }`);
    }
    switch (type.name) {
      case "Int":
        return fc.constantFrom("1", "2", "3");
      case "Boolean":
        return fc.constantFrom("true", "false", "$yes", "$no");
      case "ID":
        return fc.constantFrom(...ids.map((id) => JSON.stringify(id)), '"nobody"');
      case "DateTime":
        return fc.constant('"2025-07-22T13:00:00Z"');
      default:
        return fc.constantFrom('"a"', '"bad"');
    }
  }

  function field(one: GraphQLField<unknown, unknown>, depth: number): fc.Arbitrary<string> {
    const named = getNamedType(one.type);
    const below = isLeafType(named) ? fc.constant("") : selection(named, depth - 1);
    const given = one.args.map((arg) => {
      const text = argument(arg.type).map((value) => `${arg.name}: ${value}`);
      return isNonNullType(arg.type) && arg.defaultValue === undefined
        ? text
        : fc.option(text, { freq: 1 });
    });
    const alias = fc.constantFrom("", "", "", "a: ", "b: ");
    const directives = [" @include(if: $yes)", " @skip(if: $yes)", " @include(if: $no)"];
    const directive = fc.constantFrom("", "", "", "", ...directives);
    return fc.tuple(alias, fc.tuple(...given), directive, below).map(([as, args, how, set]) => {
      const sent = args.filter((arg) => arg !== null);
      return `${as}${one.name}${sent.length > 0 ? `(${sent.join(", ")})` : ""}${how}${set}`;
    });
  }

  function selection(type: GraphQLNamedType, depth: number): fc.Arbitrary<string> {
    const parts: fc.Arbitrary<string>[] = [fc.constant("__typename")];
    if (isObjectType(type) || isInterfaceType(type)) {
      const fields = Object.values(type.getFields());
      const usable = fields.filter((one) => depth > 0 || isLeafType(getNamedType(one.type)));
      parts.push(...usable.map((one) => field(one, depth)));
    }
    const some = fc.array(fc.oneof(...parts), { minLength: 1, maxLength: 4 });
    const fragments =
      isAbstractType(type) && depth > 0
        ? fc.array(
            fc.oneof(
              ...schema
                .getPossibleTypes(type)
                .map((possible) =>
                  selection(possible, depth - 1).map((set) => `... on ${possible.name}${set}`),
                ),
            ),
            { maxLength: 3 },
          )
        : fc.constant<string[]>([]);
    return fc
      .tuple(some, fragments)
      .map(([fields, more]) => ` { ${[...fields, ...more].join(" ")} }`);
  }

  const query = schema.getQueryType();
  if (query === null || query === undefined) throw new Error("The schema has no queries.");
  return selection(query, MAX_DEPTH).map(
    (set) => `query ($yes: Boolean! = true, $no: Boolean = false)${set}`,
  );
}
