import { z } from "zod";

/** What people read about a variable: its default, or in words what holds without it. */
export const NOTES = z.registry<{
  readonly value: string | null;
  readonly unset: string;
  readonly description: string;
  readonly isSecret: boolean;
}>();

/** Rules of variables by their names. */
export type Rules = Readonly<Record<string, z.ZodType>>;

/** The values of variables with these rules. */
export type SettingsOf<Given extends Rules> = z.infer<z.ZodObject<Given>>;

/** A variable with a default, written as in the environment. What may hold a credential is secret: no message repeats it. */
export function setting<Value>(
  rule: z.ZodType<Value, string>,
  value: string,
  description: string,
  secrecy?: "secret",
) {
  const note = { value, unset: "", description, isSecret: secrecy !== undefined };
  return rule.prefault(value).register(NOTES, note);
}

/** A variable without a default; `unset` says in words what holds without it. */
export function optional<Value>(
  rule: z.ZodType<Value, string>,
  unset: string,
  description: string,
  secrecy?: "secret",
) {
  const note = { value: null, unset, description, isSecret: secrecy !== undefined };
  return rule.optional().register(NOTES, note);
}

/** What holds without a flag that only developers want. */
export const NOT_IN_PRODUCTION = "`true`; `false` in production (`NODE_ENV`)";

/** A text of this form; `rule` goes on from the variable's name. */
export function matching(pattern: RegExp, rule: string) {
  return z.string().regex(pattern, rule);
}

export function fitting(isGood: (given: string) => boolean, rule: string) {
  return z.string().refine(isGood, rule);
}

export function oneOf<const Words extends readonly string[]>(words: Words) {
  return z.enum(words, `must be ${EITHER.format(words)}`);
}

const EITHER = new Intl.ListFormat("en-GB", { type: "disjunction" });

export function flag() {
  return oneOf(["true", "false"]).transform((word) => word === "true");
}

export function port() {
  return between(0, 65_535, /^\d{1,5}$/, "a port");
}

export function number(least: number, most: number) {
  return between(least, most, /^\d{1,9}(\.\d{1,9})?$/, "a number");
}

export function wholeNumber(least: number, most: number) {
  return between(least, most, /^\d{1,10}$/, "a whole number");
}

function between(least: number, most: number, pattern: RegExp, what: string) {
  const rule = `must be ${what} from ${least} to ${most}`;
  return matching(pattern, rule)
    .transform(Number)
    .refine((value) => value >= least && value <= most, rule);
}

/** Words with commas or spaces between them. */
export function list(areGood: (words: readonly string[]) => boolean, rule: string) {
  return z
    .string()
    .transform((words): readonly string[] => words.split(/[\s,]+/).filter((word) => word !== ""))
    .refine(areGood, rule);
}

/** Whether nobody on the way to a server can read or change what the gateway sends or trusts. */
export function isSafeUrl(given: string): boolean {
  const url = URL.parse(given);
  if (url === null || url.username !== "" || url.password !== "" || url.hash !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
}

export function isHost(given: string): boolean {
  return /^[\w.:-]+$/.test(given);
}

/** Whether only this machine can reach it; `given` as a URL or as HOST spells it. */
export function isLoopback(given: string): boolean {
  return /^(localhost|\[::1\]|::1|127(\.\d{1,3}){3})$/i.test(given);
}

/** Exactly what browsers send as `Origin`. */
export function isOrigin(given: string): boolean {
  return /^https?:\/\/[^*]+$/.test(given) && URL.parse(given)?.origin === given;
}
