import { requireScopes } from "../../auth/viewer.ts";
import { clock } from "../../runtime/environment.ts";
import type { Caller } from "../caller.ts";
import { type Cost, exactCost, toUnknown, unknownCost } from "../job/cost.ts";
import type { Job } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";

/** What a job that the viewer has read costs. */
export function findCost({ engine, reads }: Caller, job: Job): Cost | Promise<Cost> {
  const exact = exactCost(job);
  if (exact !== null) return exact;
  if (engine.costs.length === 0) return unknownCost(job);
  return reads.costs.load(job).then((cost) => cost ?? unknownCost(job));
}

/** What a submit of this input would probably cost; null is an input that no job can store. */
export async function quote(
  { engine, viewer }: Caller,
  { input, ...request }: { readonly deploymentId: string; readonly input: JsonObject | null },
): Promise<Cost> {
  requireScopes(viewer, "jobs:submit");
  const [costs] = engine.costs;
  if (costs === undefined || input === null)
    return toUnknown(input === null ? NOT_STORABLE : NO_ESTIMATES, new Date(clock.now()));
  return await costs.quote({ ...request, input, viewer });
}

const NOT_STORABLE = "The input can't be stored. Correct its issues, and check it again.";
const NO_ESTIMATES = "This gateway estimates no costs. See the prices on RunComfy's website.";
