import type { JobKind } from "../../job/kind.ts";
import type { Adapter } from "../adapter.ts";
import type { Kind } from "./kind.ts";
import { KINDS } from "./kinds.ts";

/** The kind of what nothing is known of. */
export const [DEFAULT_KIND] = KINDS;

const BY_NAME: ReadonlyMap<string, Kind> = new Map(KINDS.map((kind) => [kind.name, kind]));

/** Throws for a name that no kind has, as that of a job which a newer version has submitted. */
export function findKind(name: JobKind): Kind {
  const kind = BY_NAME.get(name);
  if (kind === undefined)
    throw new Error(`No kind of job is called ${name} here. Run the newest version everywhere.`);
  return kind;
}

/** How to speak of jobs of this kind; throws as `findKind` does. */
export function findAdapter(name: JobKind): Adapter {
  return findKind(name).adapter;
}

/** The first kind whose deployments may have this id; null where none may. */
export function findKindById(id: unknown): Kind | null {
  return KINDS.find(({ adapter }) => adapter.isId(id)) ?? null;
}

/** Whether a value can be the id of a deployment of any kind. */
export function isDeploymentId(value: unknown): value is string {
  return findKindById(value) !== null;
}
