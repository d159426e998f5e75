import { diff, parseArgs } from "node:util";

import { COMMANDS } from "../config/commands.ts";
import type { Deployment, Price } from "../engine/deployments/catalogue.ts";
import { isJsonObject, type JsonValue } from "../engine/job/json.ts";
import type { EntryMembers } from "../engine/runcomfy/kinds/kind.ts";
import { SetupError } from "../runtime/coded-error.ts";
import type { CatalogueClient } from "./catalogue-client.ts";
import { findEntry, INVENTED, isInvented, renewEntry } from "./catalogue-entries.ts";
import { readDeploymentsFile, writeEntries } from "./deployments-file.ts";

const HELP = `${COMMANDS.search} flux image            lists models of RunComfy's catalogue with their prices
${COMMANDS.add} <id>                    writes a model or a deployment into the deployments file, and prints its mutation
${COMMANDS.refresh}                     shows what has changed at RunComfy since; with --write it writes that

add also takes
  --name "Warm Glow"       for people, and for the names of the types; RunComfy's own by default
add and refresh also take
  --deployments my.json    the file; DEPLOYMENTS_FILE by default, or deployments.json
The token is RUNCOMFY_API_TOKEN, of the environment or of .env. Without one the sandbox is asked, whose models and prices
are invented: add marks them with "from": "sandbox", and refresh --write with a token replaces them.`;

type Answer = { readonly result: string | null; readonly remark: string };

type Setting = {
  /** Null where no variable names one. */
  readonly deploymentsFile: string | null;
  /** What parts add to entries. */
  readonly entryMembers: readonly EntryMembers[];
  readonly client: CatalogueClient;
  /** Whether the client asks the sandbox. */
  readonly isSandbox: boolean;
};

/** Says first whom it will ask. */
type Open = () => Promise<Setting>;

/**
 * Does what these words ask of the deployments file and of RunComfy's lists: `result` is what was asked for, `remark` what
 * to know of it. Rejects with an error that says what is wrong and what to do. Help opens nothing.
 */
export async function runDeploymentsCommand(
  [verb, ...args]: readonly string[],
  open: Open,
): Promise<Answer> {
  const act = VERBS.get(verb);
  if (act === undefined || args.some((word) => word === "--help" || word === "-h"))
    return { result: null, remark: HELP };
  return await act(args, open);
}

const VERBS: ReadonlyMap<
  string | undefined,
  (args: readonly string[], open: Open) => Promise<Answer>
> = new Map([
  ["add", add],
  ["refresh", refresh],
  ["search", search],
]);

/** Says what is wrong with the words of a command, and which words it takes. */
function wrongWords(reason: string, cause?: unknown): SetupError {
  return new SetupError(`${reason}\nUse it like this:\n${HELP}`, { cause });
}

function readWords<Options extends Record<string, { type: "string" | "boolean" }>>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    throw wrongWords(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

const FILE = { deployments: { type: "string" } } as const;

async function search(args: readonly string[], open: Open): Promise<Answer> {
  const { positionals } = readWords(args, {});
  if (positionals.length === 0) throw wrongWords("Say what to search for.");
  const { client, isSandbox } = await open();
  const { models, total } = await client.searchModels(positionals.join(" "));
  if (models.length === 0)
    return {
      result: null,
      remark: `${isSandbox ? "The sandbox" : "RunComfy"}'s catalogue has no such model. Try other words.`,
    };
  const rows = models.map(({ id, name, price }) => [id, toPriceText(price), name]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "),
  );
  const rest = total - models.length;
  const more = rest > 0 ? `; ${rest} more are not shown, so add a word` : "";
  return {
    result: lines.join("\n"),
    remark: `Models: ${models.length}${more}. Add one with: ${COMMANDS.add} <id>`,
  };
}

function toPriceText(price: Price | null): string {
  return price === null ? "price unknown" : `$${price.amount} per ${price.unit}`;
}

async function add(args: readonly string[], open: Open): Promise<Answer> {
  const { values, positionals } = readWords(args, { ...FILE, name: { type: "string" } });
  const [id, ...more] = positionals;
  if (id === undefined || more.length > 0) throw wrongWords("Say the id of one to add.");
  const { deploymentsFile, entryMembers, ...asked } = await open();
  const named = values.deployments ?? deploymentsFile;
  const file = await readDeploymentsFile(named ?? DEFAULT_FILE);
  if (file.entries.some((entry) => isJsonObject(entry) && entry["id"] === id))
    throw new SetupError(
      `${file.path} has ${id} already. See what has changed since with: ${COMMANDS.refresh}`,
    );
  const found = await findEntry(id, asked);
  const name = values.name ?? found.entry.name;
  const entry = { ...found.entry, name, ...(asked.isSandbox && INVENTED) };
  const { catalogue, warnings } = await writeEntries(file, [...file.entries, entry], entryMembers);
  const added = catalogue.find(id);
  const remarks = [
    `Added ${id} to ${file.path}. Start the gateway again to use it.`,
    ...(named === null
      ? [`Set DEPLOYMENTS_FILE=${DEFAULT_FILE}, so that it reads this file.`]
      : []),
    ...found.remarks,
    ...warnings,
  ];
  return { result: added && printMutation(added), remark: remarks.join("\n") };
}

const DEFAULT_FILE = "deployments.json";

/** A document that runs it. */
function printMutation({ id, input }: Deployment): string {
  const [type, call] =
    input === null
      ? ["JSON", `submitJob(deploymentId: ${JSON.stringify(id)}, input: $input)`]
      : [input.shape?.typeName ?? "JSON", `${input.submitField}(input: $input)`];
  return `mutation ($input: ${type}!) {
  ${call} {
    ... on SubmitJobSuccess { job { id } }
    ... on InvalidInputError { issues { path message } }
    ... on Error { message }
  }
}`;
}

async function refresh(args: readonly string[], open: Open): Promise<Answer> {
  const { values, positionals } = readWords(args, { ...FILE, write: { type: "boolean" } });
  const { deploymentsFile, entryMembers, ...asked } = await open();
  const file = await readDeploymentsFile(values.deployments ?? deploymentsFile ?? DEFAULT_FILE);
  const areAllInvented = file.entries.every(isInvented);
  const remarks = asked.isSandbox && !areAllInvented ? [NOT_THE_SANDBOXS] : [];
  const next: JsonValue[] = [];
  for (const entry of file.entries) {
    const isAsked = positionals.length === 0 || positionals.includes(String(Object(entry).id));
    const renewed = isAsked ? await renewEntry(entry, asked) : { entry, remarks: [] };
    next.push(renewed.entry);
    remarks.push(...renewed.remarks);
  }
  const changes = file.entries.flatMap((entry, index) => printDiff(entry, next[index] ?? null));
  if (changes.length === 0)
    return { result: null, remark: [...remarks, "Nothing has changed."].join("\n") };
  const { warnings } = values.write
    ? await writeEntries(file, next, entryMembers)
    : { warnings: [] };
  const done = values.write
    ? `Wrote ${file.path}. Start the gateway again to use it.`
    : `Nothing was written. To write it to ${file.path}, add --write.`;
  return { result: changes.join("\n"), remark: [...remarks, ...warnings, done].join("\n") };
}

const NOT_THE_SANDBOXS =
  'Entries without "from": "sandbox" stay as they are, since the sandbox was asked. Set RUNCOMFY_API_TOKEN to renew them.';

/** How many lines around a change are shown. */
const CONTEXT_LINES = 2;

/** The lines that differ, and those around them. */
function printDiff(former: JsonValue, next: JsonValue): readonly string[] {
  const [before, after] = [former, next].map((entry) => JSON.stringify(entry, null, 2).split("\n"));
  const lines = diff(before ?? [], after ?? []);
  const isNear = (index: number): boolean =>
    lines
      .slice(Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1)
      .some(([operation]) => operation !== 0);
  const shown = lines.flatMap(([operation, line], index) =>
    isNear(index) ? [`${SIGNS.get(operation) ?? " "} ${line}`] : [],
  );
  return shown.length === 0 ? [] : [`@@ ${String(Object(former).id)}`, ...shown];
}

/** Node counts what is in the first text alone as 1, which comes first. */
const SIGNS = new Map([
  [1, "-"],
  [-1, "+"],
]);
