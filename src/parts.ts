import type { SchemaPart } from "./api/schema/create-schema.ts";
import type { Part } from "./part.ts";

/** Every part, in the order in which they open and stand in schema.graphql. Without its line and folder, one is gone. */
const PARTS = {
  metrics: () => import("./parts/metrics/part.ts"),
};

/** What each part says of itself; none is opened. */
export async function loadParts(): Promise<readonly Part[]> {
  const loaded = await Promise.all(Object.values(PARTS).map((load) => load()));
  return loaded.map(({ part }) => part);
}

/** What these parts add to the schema. */
export async function loadSchemaParts(parts: readonly Part[]): Promise<readonly SchemaPart[]> {
  return await Promise.all(
    parts.map(async (part) => ({ name: part.name, add: (await part.schema?.()) ?? null })),
  );
}
