import { REST, type Field } from "./fields";
import { isText, parseJson } from "./json";

/** As the gateway tells it: the message is read after the name of what is at the path. */
export type Issue = { readonly path: string; readonly message: string };

/** Issues by the field that they stand beside, as sentences, and those that no field is for. */
export function placeIssues(
  fields: readonly Field[],
  issues: readonly Issue[],
): { readonly beside: ReadonlyMap<string, string>; readonly others: readonly string[] } {
  const beside = new Map<string, string>();
  const others: string[] = [];
  for (const { path, message } of issues) {
    const { name, rest } = splitPath(path);
    const field = path === "" ? undefined : (findField(fields, name) ?? findField(fields, REST));
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

export function toSentence(subject: string, message: string): string {
  return `${subject} ${message}${/[.?!]$/.test(message) ? "" : "."}`;
}

function findField(fields: readonly Field[], name: string): Field | undefined {
  return fields.find((field) => field.name === name);
}

/** `images[0].url` begins with `images`, and `["a b"][0]` with `a b`. */
function splitPath(path: string): { readonly name: string; readonly rest: string } {
  const quoted = /^\[("(?:[^"\\]|\\.)*")\]/.exec(path);
  const [head] = quoted ?? /^[^.[]+/.exec(path) ?? [path];
  const name = quoted ? parseJson(quoted[1] ?? "") : head;
  return { name: isText(name) ? name : head, rest: path.slice(head.length) };
}
