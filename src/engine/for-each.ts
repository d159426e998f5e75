import { badUserInput } from "../runtime/coded-error.ts";
import { Semaphore } from "../runtime/semaphore.ts";

export const MAX_IDS = 100;
/** How many jobs of a call are changed at once. */
export const MAX_AT_ONCE = 10;

/** Resolves with the result of each id, in order, once all are done. Throws BAD_USER_INPUT for too many. */
export async function forEach<Value>(
  ids: readonly string[],
  act: (id: string) => Promise<Value>,
): Promise<Promise<Value>[]> {
  if (ids.length > MAX_IDS) {
    throw badUserInput(
      `\`ids\` has ${ids.length} ids, and may have ${MAX_IDS}. Send the others in further calls.`,
    );
  }
  const slots = new Semaphore({ atOnce: MAX_AT_ONCE, maxWaiting: MAX_IDS });
  const acts = new Map<string, Promise<Value>>();
  const all = ids.map((id) => {
    const known = acts.get(id) ?? slots.run(() => act(id));
    acts.set(id, known);
    return known;
  });
  await Promise.allSettled(all);
  return all;
}
