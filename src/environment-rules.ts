import { z } from "zod";

/** A text of this form; `rule` goes on from the variable's name. */
export function matching(pattern: RegExp, rule: string) {
  return z.string().regex(pattern, rule);
}

export function port() {
  const rule = "must be a port, from 0 (a free one) to 65535";
  return matching(/^\d{1,5}$/, rule)
    .transform(Number)
    .refine((value) => value <= 65_535, rule);
}

export function number(least: number, most: number) {
  const rule = `must be a number from ${least} to ${most}`;
  return matching(/^\d{1,9}(\.\d{1,9})?$/, rule)
    .transform(Number)
    .refine((value) => value >= least && value <= most, rule);
}

export function wholeNumber(least: number, most: number) {
  const rule = `must be a whole number from ${least} to ${most}`;
  return matching(/^\d{1,10}$/, rule)
    .transform(Number)
    .refine((value) => value >= least && value <= most, rule);
}

export function flag() {
  return z.enum(["true", "false"], "must be true or false").transform((text) => text === "true");
}

/** Comma- or space-separated, without the empty parts. */
export function toList(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((part) => part !== "");
}

/** The base of another server's URLs: what a token is sent to, so nobody on the way may read it. */
export function isBaseUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && isSafeUrl(text) && url.search === "";
}

/** No credentials, no fragment, and TLS but on this machine. */
export function isSafeUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "" || url.hash !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
}

export function isHost(text: string): boolean {
  return /^[\w.:-]+$/.test(text);
}

/** Whether only this machine can reach it; `host` as a URL or as HOST spells it. */
export function isLoopback(host: string): boolean {
  return /^(localhost|\[::1\]|::1|127(\.\d{1,3}){3})$/i.test(host);
}

/** Exactly what browsers send as `Origin`. */
export function isOrigin(text: string): boolean {
  return /^https?:\/\/[^*]+$/.test(text) && URL.parse(text)?.origin === text;
}

export function isDatabaseUrl(text: string): boolean {
  if (text === ":memory:" || /^file:./.test(text)) return true;
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text);
}
