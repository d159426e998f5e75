import type { Catalogue } from "../../src/engine/deployments/catalogue.ts";
import { readCatalogue } from "../../src/engine/deployments/load-catalogue.ts";
import { entryMembersOf } from "../../src/parts.ts";
import { PARTS } from "./parts.ts";

const MEMBERS = entryMembersOf(PARTS);

/** The catalogue of a file with these deployments, which has no problems. */
export function catalogueOf(...deployments: readonly unknown[]): Catalogue {
  const { catalogue, problems } = readCatalogue({ deployments }, "runcomfy", MEMBERS);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return catalogue;
}
