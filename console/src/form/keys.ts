import { isObject, isText, parseJson } from "./json";
import { keep } from "./keep";
import { drawKey } from "./random";

/** By the digest of the input; of what was typed without being sent, only the newest has a key. */
type Keys = {
  readonly latest: Readonly<Record<string, string>>;
  /** Of what was sent without an answer. */
  readonly sent: Readonly<Record<string, string>>;
};

const MOST_SENT = 1_000;

/** What the browser had no room for, until a reload. */
const unkept = new Map<string, Keys>();

/** The key of an input: made once, and the same until an answer came, also after a reload. */
export function keyFor(scope: string, input: string): string {
  const { latest, sent } = read(scope);
  const name = digest(input);
  const known = sent[name] ?? latest[name];
  if (known !== undefined) return known;
  const key = drawKey();
  write(scope, { latest: { [name]: key }, sent });
  return key;
}

/** Keeps a key whatever is typed next, because its job may run already. */
export function keepKey(scope: string, input: string, key: string): void {
  const { latest, sent } = read(scope);
  const name = digest(input);
  const others = Object.entries(sent).filter(([one]) => one !== name);
  const kept = [...others, [name, key] as const].slice(-MOST_SENT);
  write(scope, { latest, sent: Object.fromEntries(kept) });
}

/** The next submit of the same input is another job. */
export function dropKey(scope: string, input: string): void {
  const { sent } = read(scope);
  const name = digest(input);
  const others = Object.entries(sent).filter(([one]) => one !== name);
  write(scope, { latest: {}, sent: Object.fromEntries(others) });
}

function read(scope: string): Keys {
  const known = unkept.get(scope);
  if (known) return known;
  const saved = parseJson(sessionStorage.getItem(`keys ${scope}`) ?? "");
  if (!isObject(saved)) return { latest: {}, sent: {} };
  return { latest: toTexts(saved["latest"]), sent: toTexts(saved["sent"]) };
}

function write(scope: string, keys: Keys): void {
  if (keep(`keys ${scope}`, JSON.stringify(keys))) unkept.delete(scope);
  else unkept.set(scope, keys);
}

/** Short however much is typed: its length, and two hashes in the manner of FNV-1a. */
function digest(text: string): string {
  let first = 0x811c9dc5;
  let second = 0x1b873593;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    first = Math.imul(first ^ unit, 0x01000193);
    second = Math.imul(second ^ unit, 0x85ebca6b);
  }
  return [text.length, first >>> 0, second >>> 0].map((part) => part.toString(36)).join("-");
}

function toTexts(value: unknown): Readonly<Record<string, string>> {
  const entries = isObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(
    entries.flatMap(([name, text]) => (isText(text) ? [[name, text] as const] : [])),
  );
}
