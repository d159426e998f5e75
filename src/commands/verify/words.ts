import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { COMMANDS } from "../../config/commands.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../engine/job/json.ts";
import type { JobKind } from "../../engine/job/kind.ts";
import type { Kind } from "../../engine/runcomfy/kinds/kind.ts";
import { KINDS } from "../../engine/runcomfy/kinds/kinds.ts";
import { orList } from "../../engine/deployments/near-misses.ts";
import { SetupError } from "../../runtime/coded-error.ts";
import { member } from "./answers.ts";

export const MAX_MINUTES = 30;

const TARGET_OPTIONS = KINDS.map(({ verify }) => `--${verify.option}`);

export const HELP = `${COMMANDS.verify} ${TARGET_OPTIONS.map((option) => `[${option} ID]`).join(" ")} [--json]
    compares what the gateway relies on with what RunComfy answers to your own RUNCOMFY_API_TOKEN, of the environment or
    of .env. It sends only GETs, two of them with a wrong token.
${COMMANDS.verify} --model ID --spend --input FILE [--yes]
    costs money: each of the named ones gets a wrong input, and the input in FILE twice, once to its end and once to be
    cancelled while it waits. It names prices and asks first, and never repeats a submit. Ctrl-C cancels what it can.

${KINDS.map(({ verify: { option, help } }) => `  ${`--${option} ID`.padEnd(17)} ${help}`).join("\n")}
  --input FILE      what RunComfy takes, in JSON: {"prompt": "…"}, or of a workflow {"overrides": {…}};
                    of several {"ID": {…}, "ID": {…}}
  --yes             does not ask
  --json            prints the report as JSON

It ends within about ${MAX_MINUTES} minutes, with code 0 if nothing differs, 1 if something does or nobody answers, 2 for wrong usage
such as an unknown ID, and 130 after Ctrl-C. The report has no token, prompt, id or URL, so you can show it to others.`;

/** What a command can't do anything with; the text says what it takes. Nothing was sent. */
export class WrongUseError extends SetupError {
  constructor(reason: string, cause?: unknown) {
    super(`${reason} Nothing was sent. Use it like this:\n${HELP}`, { cause });
  }
}

/** Something that the user names, and what to send to it; null sends it nothing. */
export type NamedTarget = {
  readonly kind: JobKind;
  readonly id: string;
  readonly input: JsonObject | null;
};

/** What the words of a command ask for; null where that is help. Rejects with a `WrongUseError`. */
export async function readWords(args: readonly string[]) {
  const values = parse(args);
  const { spend, yes, input, json, help } = values;
  if (help === true) return null;
  const ids = new Map<string, unknown>(Object.entries(values));
  const named = KINDS.flatMap((kind) => toNamed(kind, ids.get(kind.verify.option)));
  if (spend !== true && input !== undefined) throw new WrongUseError("--input is for --spend.");
  if (spend === true && (named.length === 0 || input === undefined))
    throw new WrongUseError(`--spend needs --input, and ${orList(TARGET_OPTIONS)}.`);
  const targets = input === undefined ? named : await addInputs(named, input);
  return { targets, isSpending: spend === true, isConfirmed: yes === true, isJson: json === true };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    // Node leaves out the full stop of some.
    throw new WrongUseError(reason.replace(/[^.]$/, "$&."), cause);
  }
}

const OPTIONS = {
  ...Object.fromEntries(KINDS.map(({ verify }) => [verify.option, { type: "string" } as const])),
  input: { type: "string" },
  json: { type: "boolean" },
  spend: { type: "boolean" },
  yes: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function toNamed({ name: kind, adapter }: Kind, id: unknown): readonly NamedTarget[] {
  if (id === undefined) return [];
  if (!adapter.isId(id))
    throw new WrongUseError(`${JSON.stringify(id)} is no id that RunComfy can have.`);
  return [{ kind, id, input: null }];
}

/** Of a file that has the input of one alone, or those of several by their ids. */
async function addInputs(
  named: readonly NamedTarget[],
  file: string,
): Promise<readonly NamedTarget[]> {
  const json = await readJson(file);
  return named.map((target) => {
    const input = member(json, target.id) ?? (named.length === 1 ? json : undefined);
    if (isJsonObject(input)) return { ...target, input };
    const example = JSON.stringify({ [target.id]: {} });
    throw new WrongUseError(`${file} has no input for ${target.id}. Add one, as in ${example}.`);
  });
}

async function readJson(file: string): Promise<JsonValue> {
  try {
    return JSON.parse((await readFile(file, "utf8")).replace(/^\uFEFF/, ""));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WrongUseError(`${file} can't be read as JSON: ${reason}.`, cause);
  }
}
