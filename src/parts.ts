import { type Grants, SCOPES } from "./auth/viewer.ts";
import type { SchemaPart } from "./api/schema/create-schema.ts";
import type { EntryMembers } from "./engine/runcomfy/kinds/kind.ts";
import type { PartTables } from "./engine/store/migrations.ts";
import type { Part } from "./part.ts";

/** Every part, in the order in which they open and stand in schema.graphql. Without its line and folder, one is gone. */
const PARTS: Readonly<Record<string, () => Promise<{ readonly part: Part }>>> = {
  downloads: () => import("./parts/downloads/part.ts"),
  webhooks: () => import("./parts/webhooks/part.ts"),
  money: () => import("./parts/money/part.ts"),
  mcp: () => import("./parts/mcp/part.ts"),
  // After all others that answer at paths, as a browser gets it at every path that is nothing else's.
  console: () => import("./parts/console/part.ts"),
  // Before metrics, so that what they do while they open and close is in traces too.
  traces: () => import("./parts/traces/part.ts"),
  metrics: () => import("./parts/metrics/part.ts"),
};

/** What each part says of itself; none is opened. */
export async function loadParts(): Promise<readonly Part[]> {
  const loaded = await Promise.all(Object.values(PARTS).map((load) => load()));
  return loaded.map(({ part }) => part);
}

/** What a credential may be given. */
export function grantsOf(parts: readonly Part[]): Grants {
  const ofParts = parts.map(({ credentialLimits }) => credentialLimits);
  return {
    scopes: [...SCOPES, ...parts.flatMap(({ scopes = [] }) => scopes)],
    credentialLimits: Object.assign({}, ...ofParts),
  };
}

/** The members that these parts add to entries of the deployments file. */
export function entryMembersOf(parts: readonly Part[]): readonly EntryMembers[] {
  return parts.flatMap(({ entry = [] }) => entry);
}

/** What these parts add to the schema. */
export async function loadSchemaParts(parts: readonly Part[]): Promise<readonly SchemaPart[]> {
  return await Promise.all(
    parts.map(async ({ name, scopes = [], events = {}, submitOptions = {}, schema }) => ({
      ...{ name, scopes, events, submitOptions },
      add: (await schema?.()) ?? null,
    })),
  );
}

/** The tables of those of these parts that have some. */
export async function loadTables(parts: readonly Part[]): Promise<readonly PartTables[]> {
  const tables = parts.map(async ({ name, migrations, triggers }) =>
    migrations === undefined
      ? []
      : [{ name, migrations: await migrations(), triggers: await triggers?.() }],
  );
  return (await Promise.all(tables)).flat();
}
