import { type Draft, isToken, toLines } from "./draft";
import { type Field, REST } from "./fields";
import { isText, parseJson } from "./json";

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
  const refusal = placeIssues(fields, said.refused);
  const check = placeIssues(fields, said.checked);
  const beside = new Map<string, string>();
  for (const { name } of fields) {
    // A file is on its way, and then it is there.
    if (toLines(draft[name]).some(isToken)) continue;
    const isTouched = touched.has(name);
    const issue =
      (isTouched ? said.problems.get(name) : undefined) ??
      (said.sent && said.sent[name] === draft[name] ? refusal.beside.get(name) : undefined) ??
      (isTouched || draft[name] ? check.beside.get(name) : undefined);
    if (issue !== undefined) beside.set(name, issue);
  }
  return { beside, others: refusal.others };
}

export function toSentence(subject: string, message: string): string {
  return `${subject} ${message}${/[.?!]$/.test(message) ? "" : "."}`;
}

function placeIssues(fields: readonly Field[], issues: readonly Issue[]): Placed {
  const beside = new Map<string, string>();
  const others: string[] = [];
  const findField = (name: string) => fields.find((field) => field.name === name);
  for (const { path, message } of issues) {
    const { name, rest } = splitPath(path);
    const field = path === "" ? undefined : (findField(name) ?? findField(REST));
    if (field === undefined) {
      others.push(toSentence(path === "" ? "The input" : path, message));
      continue;
    }
    const subject = field.name === REST ? path : `${field.label}${rest}`;
    const sentences = [beside.get(field.name) ?? "", toSentence(subject, message)];
    beside.set(field.name, sentences.join(" ").trim());
  }
  return { beside, others };
}

/** `images[0].url` begins with `images`, and `["a b"][0]` with `a b`. */
function splitPath(path: string): { readonly name: string; readonly rest: string } {
  const quoted = /^\[("(?:[^"\\]|\\.)*")\]/.exec(path);
  const [head] = quoted ?? /^[^.[]+/.exec(path) ?? [path];
  const name = quoted ? parseJson(quoted[1] ?? "") : head;
  return { name: isText(name) ? name : head, rest: path.slice(head.length) };
}
