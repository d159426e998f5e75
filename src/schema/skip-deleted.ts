import type { GraphQLResolveInfo } from "graphql";
import { visit } from "graphql";

import type { Job } from "../job/job.ts";
import type { JobChange } from "../watch/watch-jobs.ts";
import type { Loaders } from "./loaders.ts";

/**
 * Leaves out changes of jobs that were deleted meanwhile, where fields are selected that are read apart from the job.
 * What is read to find out stays in the loaders, and so costs nothing more and can't be gone when the fields ask.
 */
export function skipDeleted(
  changes: AsyncIterableIterator<JobChange>,
  options: { readonly loaders: Loaders; readonly info: GraphQLResolveInfo },
): AsyncIterableIterator<JobChange> {
  const { loaders, info } = options;
  const selected = findSelected(info);

  async function isThere(job: Job): Promise<boolean> {
    const reads: Promise<boolean>[] = [];
    if (readsDocuments(job, selected)) reads.push(hasDocuments(job, loaders));
    if (selected.has("history")) reads.push(hasHistory(job, loaders));
    return (await Promise.all(reads)).every(Boolean);
  }

  const told: AsyncIterableIterator<JobChange> = {
    async next() {
      let next = await changes.next();
      while (next.done !== true && next.value.job !== null && !(await isThere(next.value.job))) {
        next = await changes.next();
      }
      return next;
    },
    async return() {
      return (await changes.return?.()) ?? { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => told,
  };
  return told;
}

/** The names of all fields in the document, whatever they are fields of. */
function findSelected({ operation, fragments }: GraphQLResolveInfo): ReadonlySet<string> {
  const names = new Set<string>();
  for (const node of [operation, ...Object.values(fragments)]) {
    visit(node, {
      Field({ name }) {
        names.add(name.value);
      },
    });
  }
  return names;
}

function readsDocuments(job: Job, selected: ReadonlySet<string>): boolean {
  if (selected.has("input")) return true;
  const ofOutput = ["output", "assets", "typedOutput"];
  return job.status === "SUCCEEDED" && ofOutput.some((name) => selected.has(name));
}

// Where reading fails, the fields read again, and say so themselves.
async function hasDocuments({ id }: Job, { documents }: Loaders): Promise<boolean> {
  return await documents.load(id).then(
    (found) => found !== null,
    () => true,
  );
}

async function hasHistory({ id }: Job, { histories }: Loaders): Promise<boolean> {
  return await histories.load(id).then(
    (events) => events.length > 0,
    () => true,
  );
}
