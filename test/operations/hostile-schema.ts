import type { GraphQLFieldResolver, GraphQLSchema } from "graphql";
import {
  buildSchema,
  defaultFieldResolver,
  GraphQLError,
  isInterfaceType,
  isObjectType,
  isUnionType,
} from "graphql";

const ECHO =
  "echo(point: Point, points: [Point!], color: Color = GREEN, text: String, yes: Boolean): String";
const PLACES = `dog: Dog dogLater: Dog! noDog: Dog dogs: [Dog] neededDogs: [Dog!] failingDogs: [Dog]! noList: [Dog]
  named: Named namedCat: Named stranger: Named pets: [Pet] pet: Pet numbers: [[Int]] neededNumbers: [Int!]`;

/** What leaves give, each as a value and as a promise, where null may be and where it may not. */
const LEAVES: Readonly<Record<string, () => unknown>> = {
  one: () => 1,
  none: () => null,
  missing: () => undefined,
  throws: () => {
    throw new Error("It broke.");
  },
  throwsCoded: () => {
    throw new GraphQLError("It is not there.", { extensions: { code: "NOT_FOUND" } });
  },
  returnsError: () => new Error("It is an error."),
  wrong: () => ({ not: "a number" }),
};

const DOG = { kind: "Dog", name: "Rex" };
const CAT = { kind: "Cat" };

const toKind = (value: unknown) => Reflect.get(Object(value), "kind");

const RESOLVERS: Record<string, GraphQLFieldResolver<unknown, unknown>> = {
  echo: (_source, given) => JSON.stringify(given),
  dog: () => DOG,
  dogLater: async () => DOG,
  noDog: () => null,
  dogs: () => [DOG, Promise.resolve(DOG), null],
  neededDogs: async () => [DOG, Promise.resolve(null), DOG],
  failingDogs: () => [DOG, Promise.reject(new Error("It ran away.")), new Error("It bit.")],
  noList: () => 5,
  named: () => DOG,
  namedCat: async () => CAT,
  stranger: () => ({ kind: "Fish" }),
  pets: () => [DOG, CAT, null],
  pet: async () => CAT,
  numbers: () => [[1, Promise.resolve(2)], null, ["x"]],
  neededNumbers: () => [1, Promise.resolve(null), 3],
  color: () => "RED",
  noColor: () => 9,
  picky: () => "bad",
  friend: async () => DOG,
};
for (const [name, give] of Object.entries(LEAVES))
  for (const needed of ["", "Needed"]) {
    RESOLVERS[name + needed] = give;
    RESOLVERS[`${name}${needed}Later`] = async () => give();
  }

/** Fields that do whatever a field may do wrong, each as a value, as a promise and in lists; and types of every kind. */
export function createHostileSchema(): GraphQLSchema {
  const leaves = Object.keys(LEAVES).map(
    (name) => `${name}: Int ${name}Later: Int ${name}Needed: Int! ${name}NeededLater: Int!`,
  );
  const fields = `${ECHO} ${leaves.join(" ")} ${PLACES}`;
  const schema = buildSchema(`
    scalar Picky
    enum Color { RED GREEN }
    input Point { x: Int! y: Int = 7 color: Color picky: Picky next: [String] }
    interface Named { name: String }
    union Pet = Dog | Cat
    type Dog implements Named { name: String ${fields} }
    type Cat implements Named { name: String! one: Int color: Color noColor: Color picky: Picky friend: Dog }
    type Query { ${fields} }`);
  for (const type of Object.values(schema.getTypeMap())) {
    if (isInterfaceType(type)) type.resolveType = toKind;
    if (isUnionType(type)) type.resolveType = async (value) => toKind(value);
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields()))
      field.resolve = RESOLVERS[field.name] ?? defaultFieldResolver;
  }
  Object.assign(schema.getType("Picky") ?? {}, {
    serialize(value: unknown) {
      if (value === "bad") throw new Error("Picky can't be bad.");
      return value;
    },
    parseValue(value: unknown) {
      if (value === "bad") throw new GraphQLError("Picky takes nothing bad.");
      return value;
    },
  });
  return schema;
}
