import { readCatalogue } from "../../../src/engine/deployments/load-catalogue.ts";
import type { ObjectShape } from "../../../src/engine/deployments/catalogue.ts";
import { type Run, learnTimes } from "../../../src/engine/job/run-times.ts";
import type { LiveDeployment } from "../../../src/engine/runcomfy/read-deployments.ts";
import { entryMembers } from "../../../src/parts/money/entry-members.ts";
import type { Plan } from "../../../src/parts/money/prices.ts";
import { createQuotes } from "../../../src/parts/money/quote.ts";

/** What a file with these entries says, and what is wrong with it. */
export function readEntries(...deployments: readonly object[]) {
  return readCatalogue({ deployments }, "sandbox", [entryMembers]);
}

/** The shape of a model's input with these properties. */
export function createForm(properties: object): ObjectShape {
  const entry = { id: "a/b", name: "A", kind: "model", inputSchema: { properties } };
  const { catalogue, problems } = readEntries(entry);
  const shape = catalogue.find("a/b")?.input?.shape;
  if (!shape) throw new Error(problems.join("\n"));
  return shape;
}

export const PRICED_AT = 1_764_633_600_000;

/** Quotes of these entries. */
export function makeQuotes(
  entries: readonly object[],
  {
    listed = [],
    runSeconds = [],
    learned = {},
    upstream = "runcomfy",
    plan = "list",
  }: {
    readonly listed?: readonly (Pick<LiveDeployment, "id"> & Partial<LiveDeployment>)[];
    /** Of the last runs of each deployment. */
    readonly runSeconds?: readonly number[];
    /** In microdollars, by owners. */
    readonly learned?: Readonly<Record<string, number>>;
    readonly upstream?: string;
    readonly plan?: Plan;
  } = {},
) {
  const { catalogue, problems } = readEntries(...entries);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const asked: (readonly string[])[] = [];
  const last = new Map(listed.map((one) => [one.id, { ...UNKNOWN, ...one }]));
  const quotes = createQuotes({
    catalogue,
    live: { lastList: () => last, list: async () => last },
    readTimes: async () => learnTimes(runSeconds.map(toRun)),
    async learned(...request) {
      asked.push(request);
      return learned[request[0]] ?? null;
    },
    upstream,
    plan,
    now: () => PRICED_AT,
  });
  return { quotes, asked };
}

const UNKNOWN = {
  ...{ kind: "lora", name: null, hardware: [], isEnabled: null, status: null },
  ...{ minInstances: null, maxInstances: null, queueSize: null, keepWarmSeconds: null },
} satisfies Omit<LiveDeployment, "id">;

function toRun(seconds: number): Run {
  const times = { place: 0, idleMs: 0, queueMs: 100, runMs: seconds * 1_000 };
  return { status: "SUCCEEDED", work: 1, ...times };
}
