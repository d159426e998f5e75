import { z } from "zod";

import type { InputPath } from "../job/input.ts";
import { isJsonObject, type JsonObject } from "../job/json.ts";
import type { Notes } from "../runcomfy/kinds/kind.ts";
import { didYouMean, nearMisses } from "./near-misses.ts";

/** Reads the file around its entries. Gives null where something is wrong with its form, which is reported. */
export function readFileForm(file: unknown, notes: Notes) {
  return readForm(file, FILE, notes);
}

/** Gives null where something is wrong, which is reported. */
export function readForm<Form>(
  value: unknown,
  form: z.ZodType<Form> & { readonly shape: object },
  { report, warn }: Notes,
): Form | null {
  const { data, error } = form.safeParse(value);
  const known = Object.keys(form.shape);
  const given = Object.keys(Object(value));
  const slips = new Map<string, string>();
  for (const name of given.filter((one) => !known.includes(one))) {
    // A name that resembles no known one may be a note to other readers of the file.
    const [meant] = nearMisses(name, known);
    if (meant === undefined) continue;
    const isThere = given.includes(meant);
    warn([name], `is not known${isThere ? `; ${meant} is already there` : didYouMean([meant])}`);
    if (!isThere) slips.set(meant, `is missing; you wrote ${name}`);
  }
  for (const { path, message } of error?.issues ?? [])
    report(toInputPath(path), slips.get(path.join(".")) ?? message);
  return data ?? null;
}

/** Zod knows symbols for keys, too, which JSON does not. */
function toInputPath(path: readonly PropertyKey[]): InputPath {
  return path.map((segment) => (typeof segment === "number" ? segment : String(segment)));
}

const FILE = z.object(
  {
    deployments: z.array(
      z.unknown(),
      "must be a list of deployments, each with its schema as inputSchema",
    ),
    others: z
      .boolean("must be true, for the upstream's other deployments to exist too, or false")
      .default(false),
  },
  'must be an object such as {"deployments":[{"id":"…","name":"…"}]}',
);

/** An object of any members: zod's own objects drop keys such as `__proto__`. */
export function anyObject(problem: string): z.ZodType<JsonObject | null> {
  return z.custom<JsonObject>(isJsonObject, problem).nullable().default(null);
}

export const TEXT = z.string({
  error: ({ input }) => (input === undefined ? "is missing; it is required" : "must be a string"),
});
