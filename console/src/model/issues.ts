import { type Draft, insideOf, isToken, toLines, withInside } from "./draft";
import { type Field, REST } from "./fields";
import { parseJson } from "./json";

/** As the gateway reports it: the message is read after the name of what is at the path. */
export type Issue = { readonly path: string; readonly message: string };

/** Sentences by the field that they stand beside, and those that no field is for. */
type Placed = { readonly beside: ReadonlyMap<string, string>; readonly others: readonly string[] };

/** What stands beside each field: what can't be read, then what the last submit said of it, then what a check says. */
export function findIssues(
  fields: readonly Field[],
  draft: Draft,
  touched: ReadonlySet<string>,
  said: {
    readonly problems: ReadonlyMap<string, string>;
    readonly refused: readonly Issue[];
    readonly checked: readonly Issue[];
    /** The draft as it was submitted last; null where that no longer matters. */
    readonly sent: Draft | null;
  },
): Placed {
  const refusal = placeIssues(fields, said.refused, said.sent ?? draft);
  const check = placeIssues(fields, said.checked, draft);
  const beside = new Map<string, string>();
  for (const { path } of withInside(fields, draft)) {
    // A file is on its way, and then it is there.
    if (toLines(draft[path]).some(isToken)) continue;
    const isTouched = touched.has(path);
    const issue =
      (isTouched ? said.problems.get(path) : undefined) ??
      (said.sent && said.sent[path] === draft[path] ? refusal.beside.get(path) : undefined) ??
      (isTouched || draft[path] ? check.beside.get(path) : undefined);
    if (issue !== undefined) beside.set(path, issue);
  }
  return { beside, others: refusal.others };
}

export function toSentence(subject: string, message: string): string {
  return `${subject} ${message}${/[.?!]$/.test(message) ? "" : "."}`;
}

function placeIssues(fields: readonly Field[], issues: readonly Issue[], draft: Draft): Placed {
  const beside = new Map<string, string>();
  const others: string[] = [];
  for (const { path, message } of issues) {
    const steps = splitPath(path);
    const place = findPlace(fields, steps, draft);
    const rest = path === "" ? undefined : fields.find(({ name }) => name === REST);
    const field = place?.field ?? rest;
    if (field === undefined) {
      others.push(toSentence(path === "" ? "The input" : path, message));
      continue;
    }
    const subject = place ? place.field.label + place.rest : path;
    const sentences = [beside.get(field.path) ?? "", toSentence(subject, message)];
    beside.set(field.path, sentences.join(" ").trim());
  }
  return { beside, others };
}

type Step = { readonly name: string; readonly text: string };

type Place = { readonly field: Field; readonly rest: string };

/** The innermost field that steps lead to, and what is left of them. */
function findPlace(
  fields: readonly Field[],
  [step, ...others]: readonly Step[],
  draft: Draft,
): Place | null {
  const field = fields.find(({ name }) => name === step?.name && name !== REST);
  return field ? findInside(field, others, draft) : null;
}

function findInside(field: Field, steps: readonly Step[], draft: Draft): Place {
  const inside = insideOf(field, draft);
  const [chosen] = inside;
  const deeper =
    field.widget.kind === "variants"
      ? chosen && findInside({ ...chosen, label: field.label }, steps, draft)
      : findPlace(inside, steps, draft);
  return deeper ?? { field, rest: steps.map(({ text }) => text).join("") };
}

/** `images[0].url` has three steps, and `["a b"][0]` two. */
function splitPath(path: string): readonly Step[] {
  const steps = path.matchAll(/\[("(?:[^"\\]|\\.)*"|\d+)\]|\.?([^.[]+)/g);
  return Array.from(steps, ([text, bracket, name = ""]) => {
    const value = bracket === undefined ? name : parseJson(bracket);
    return { name: String(value), text };
  });
}
