import { z } from "zod";

import type { InputPath } from "../job/input.ts";
import { IDENTIFIER, JOB_ID_PREFIX } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import { isModelId, type JobKind } from "../job/kind.ts";
import { didYouMean, nearMisses } from "./near-misses.ts";

/** Takes a sentence about a place in the file. */
type Note = (path: InputPath, message: string) => void;
/** `report` takes what keeps the file from being used, `warn` what is probably a mistake. */
export type Notes = { readonly report: Note; readonly warn: Note };

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
    // What looks like nothing known may be a note to other readers of the file.
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
export function toInputPath(path: readonly PropertyKey[]): InputPath {
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
function anyObject(what: string) {
  return z
    .custom<JsonObject>(
      (value) => typeof value === "object" && value !== null && !Array.isArray(value),
      what,
    )
    .nullable()
    .default(null);
}

export const TEXT = z.string({
  error: ({ input }) => (input === undefined ? "is missing; it is required" : "must be a string"),
});
export const ID = TEXT.regex(new RegExp(`^(?!${JOB_ID_PREFIX})${IDENTIFIER}$`), {
  error: ({ input }) =>
    isModelId(input)
      ? 'is a model\'s id; add "kind": "model" to its entry'
      : "must be 1 to 128 letters, digits, _ or -, and not start with job_",
});
export const MODEL_ID = TEXT.refine(
  (id) => isModelId(id) && !id.startsWith(JOB_ID_PREFIX),
  'must be a model\'s id, such as "blackforestlabs/flux-2/flash/text-to-image"',
);

const PRICE = z
  .object(
    {
      // Zero would promise that it is free, which no catalogue does.
      amount: z
        .number("must be a number of US dollars")
        .positive("must be above 0; leave price out where it is not known"),
      unit: TEXT.min(1, 'must say what is counted, such as "output" or "second"'),
      note: TEXT.nullable().default(null),
    },
    'must be an object such as {"amount":0.04,"unit":"output"}',
  )
  .nullable()
  .default(null);

const JSON_SCHEMA = anyObject("must be a JSON Schema object");

/** What entries of some kinds have. */
export const MEMBERS = {
  model: TEXT.nullable().default(null),
  inputSchema: JSON_SCHEMA,
  inputs: anyObject('must be an object such as {"prompt":{"node":"6","input":"text"}}'),
  outputs: z
    .array(TEXT.min(1, "must be the id of a node"), 'must be a list of ids of nodes, such as ["9"]')
    .min(1, "must name a node; leave outputs out for every node that saves files")
    .nullable()
    .default(null),
};

/** The form of an entry of this kind, with those of `MEMBERS` that it has. */
export function toEntryForm(
  kind: JobKind,
  id: z.ZodType<string>,
  members: Partial<typeof MEMBERS>,
) {
  const none = z
    .null(`says nothing of the kind ${kind}; leave it out, or correct kind`)
    .default(null);
  const { model = none, inputSchema = none, inputs = none, outputs = none } = members;
  return z.object(
    {
      id,
      kind: z
        .unknown()
        .optional()
        .transform(() => kind),
      name: TEXT.min(1, "must not be empty"),
      description: TEXT.nullable().default(null),
      price: PRICE,
      ...{ model, inputSchema, inputs, outputs },
      outputSchema: JSON_SCHEMA,
      from: z
        .literal(
          "sandbox",
          'must be "sandbox"; leave it out where RunComfy or you have said the rest',
        )
        .nullable()
        .default(null),
      // For whoever wants to move some of them to the inputs.
      others: z.unknown().optional(),
    },
    'must be an object such as {"id":"…","name":"…"}',
  );
}
