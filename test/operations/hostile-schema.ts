import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLError,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLSchema,
  GraphQLString,
  GraphQLUnionType,
} from "graphql";
import type { GraphQLFieldConfig, GraphQLFieldConfigMap, GraphQLOutputType } from "graphql";

type Field = GraphQLFieldConfig<unknown, unknown>;

/** Fields that do whatever a field may do wrong, each as a value, as a promise and in lists; and types of every kind. */
export function createHostileSchema(): GraphQLSchema {
  const Picky = new GraphQLScalarType({
    name: "Picky",
    serialize(value) {
      if (value === "bad") throw new Error("Picky can't be bad.");
      return value;
    },
    parseValue(value) {
      if (value === "bad") throw new GraphQLError("Picky takes nothing bad.");
      return value;
    },
  });
  const Color = new GraphQLEnumType({
    name: "Color",
    values: { RED: { value: 0 }, GREEN: { value: 1 } },
  });
  const Point = new GraphQLInputObjectType({
    name: "Point",
    fields: {
      x: { type: new GraphQLNonNull(GraphQLInt) },
      y: { type: GraphQLInt, defaultValue: 7 },
      color: { type: Color },
      picky: { type: Picky },
      next: { type: new GraphQLList(GraphQLString) },
    },
  });
  const echo: Field = {
    type: GraphQLString,
    args: {
      point: { type: Point },
      points: { type: new GraphQLList(new GraphQLNonNull(Point)) },
      color: { type: Color, defaultValue: 1 },
      text: { type: GraphQLString },
      yes: { type: GraphQLBoolean },
    },
    resolve: (_source, given) => JSON.stringify(given),
  };
  const values: Readonly<Record<string, () => unknown>> = {
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

  function leaves(): GraphQLFieldConfigMap<unknown, unknown> {
    const fields: Record<string, Field> = { echo };
    for (const [name, value] of Object.entries(values)) {
      fields[name] = { type: GraphQLInt, resolve: value };
      fields[`${name}Later`] = { type: GraphQLInt, resolve: async () => value() };
      fields[`${name}Needed`] = { type: new GraphQLNonNull(GraphQLInt), resolve: value };
      fields[`${name}NeededLater`] = {
        type: new GraphQLNonNull(GraphQLInt),
        resolve: async () => value(),
      };
    }
    return fields;
  }

  const Named = new GraphQLInterfaceType({
    name: "Named",
    fields: { name: { type: GraphQLString } },
    resolveType: (value) => Reflect.get(Object(value), "kind"),
  });
  const Dog: GraphQLObjectType = new GraphQLObjectType({
    name: "Dog",
    interfaces: [Named],
    fields: () => ({ ...leaves(), ...places(), name: { type: GraphQLString } }),
  });
  const Cat: GraphQLObjectType = new GraphQLObjectType({
    name: "Cat",
    interfaces: [Named],
    fields: () => ({
      name: { type: new GraphQLNonNull(GraphQLString), resolve: () => null },
      one: { type: GraphQLInt, resolve: () => 1 },
      color: { type: Color, resolve: () => 0 },
      noColor: { type: Color, resolve: () => 9 },
      picky: { type: Picky, resolve: () => "bad" },
      friend: { type: Dog, resolve: async () => dog },
    }),
  });
  const Pet = new GraphQLUnionType({
    name: "Pet",
    types: [Dog, Cat],
    resolveType: async (value) => Reflect.get(Object(value), "kind"),
  });
  const dog = { kind: "Dog", name: "Rex" };
  const cat = { kind: "Cat" };
  const stranger = { kind: "Fish" };

  function places(): GraphQLFieldConfigMap<unknown, unknown> {
    const list = (of: GraphQLOutputType) => new GraphQLList(of);
    return {
      dog: { type: Dog, resolve: () => dog },
      dogLater: { type: new GraphQLNonNull(Dog), resolve: async () => dog },
      noDog: { type: Dog, resolve: () => null },
      dogs: { type: list(Dog), resolve: () => [dog, Promise.resolve(dog), null] },
      neededDogs: {
        type: list(new GraphQLNonNull(Dog)),
        resolve: async () => [dog, Promise.resolve(null), dog],
      },
      failingDogs: {
        type: new GraphQLNonNull(list(Dog)),
        resolve: () => [dog, Promise.reject(new Error("It ran away.")), new Error("It bit.")],
      },
      noList: { type: list(Dog), resolve: () => 5 },
      named: { type: Named, resolve: () => dog },
      namedCat: { type: Named, resolve: async () => cat },
      stranger: { type: Named, resolve: () => stranger },
      pets: { type: list(Pet), resolve: () => [dog, cat, null] },
      pet: { type: Pet, resolve: async () => cat },
      numbers: {
        type: list(list(GraphQLInt)),
        resolve: () => [[1, Promise.resolve(2)], null, ["x"]],
      },
      neededNumbers: {
        type: list(new GraphQLNonNull(GraphQLInt)),
        resolve: () => [1, Promise.resolve(null), 3],
      },
    };
  }

  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: "Query", fields: () => ({ ...leaves(), ...places() }) }),
    types: [Dog, Cat],
  });
}
