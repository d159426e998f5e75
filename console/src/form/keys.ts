import { isObject, isText, parseJson } from "./json";
import { drawKey } from "./random";

/** Of what was typed without being sent, only the newest has a key. */
type Keys = {
  readonly latest: Readonly<Record<string, string>>;
  /** By the input that was sent with each, and that no answer came for. */
  readonly sent: Readonly<Record<string, string>>;
};

const MOST_SENT = 20;

/** The key of an input: made once, and the same until an answer came, also after a reload. */
export function keyFor(scope: string, input: string): string {
  const { latest, sent } = read(scope);
  const known = sent[input] ?? latest[input];
  if (known !== undefined) return known;
  const key = drawKey();
  write(scope, { latest: { [input]: key }, sent });
  return key;
}

/** Keeps a key whatever is typed next, because its job may run already. */
export function keepKey(scope: string, input: string, key: string): void {
  const { latest, sent } = read(scope);
  const others = Object.entries(sent).filter(([one]) => one !== input);
  const kept = [...others, [input, key] as const].slice(-MOST_SENT);
  write(scope, { latest, sent: Object.fromEntries(kept) });
}

/** The next submit of the same input is another job. */
export function dropKey(scope: string, input: string): void {
  const { sent } = read(scope);
  const others = Object.entries(sent).filter(([one]) => one !== input);
  write(scope, { latest: {}, sent: Object.fromEntries(others) });
}

function read(scope: string): Keys {
  const saved = parseJson(sessionStorage.getItem(`keys ${scope}`) ?? "");
  if (!isObject(saved)) return { latest: {}, sent: {} };
  return { latest: toTexts(saved["latest"]), sent: toTexts(saved["sent"]) };
}

function write(scope: string, keys: Keys): void {
  sessionStorage.setItem(`keys ${scope}`, JSON.stringify(keys));
}

function toTexts(value: unknown): Readonly<Record<string, string>> {
  const entries = isObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(
    entries.flatMap(([name, text]) => (isText(text) ? [[name, text] as const] : [])),
  );
}
