import { createKey, createKeys } from "runcomfy-graphql-client";

import { draw } from "../model/seeds";
import { createKept } from "./kept";

/** Drafts and keys belong to one deployment and one viewer. */
export function toScope(viewerId: string, deploymentId: string): string {
  return `${viewerId} ${deploymentId}`;
}

/** For what is sent first from this page. */
const FIRST = draw();

/** What was drawn for the next job of a scope. Once sent it stays until there is one, as its key is of its input. */
export function drawnOf(scope: string) {
  return createKept(`drawn ${scope}`, (kept) => (typeof kept === "number" ? kept : FIRST));
}

/** Of what was typed without being sent, only the newest has a key; until a reload. */
const latest = new Map<string, { readonly input: string; readonly key: string }>();

/** The key of an input: made once, and the same until an answer came, also after a reload. */
export function keyFor(scope: string, input: string): string {
  const typed = latest.get(scope);
  const known = keysOf(scope).find(input) ?? (typed?.input === input ? typed.key : undefined);
  if (known !== undefined) return known;
  const key = createKey();
  latest.set(scope, { input, key });
  return key;
}

/** Keeps a key whatever is typed next, because its job may run already. */
export function keepKey(scope: string, input: string, key: string): void {
  keysOf(scope).keep(input, key);
}

/** The next submit of the same input is another job. */
export function dropKey(scope: string, input: string): void {
  latest.delete(scope);
  keysOf(scope).drop(input);
}

/** Of inputs whose last run nobody knows the outcome of: running one again may pay for it twice. */
export function unconfirmedOf(scope: string) {
  return createKeys(`unconfirmed ${scope}`);
}

function keysOf(scope: string) {
  return createKeys(`keys ${scope}`);
}

/** A user who presses again this soon after an answer, or goes on pressing, did not mean another job. */
const PAUSE_MS = 1_000;

let quietUntil = -Infinity;

export function noteAccepted(): void {
  quietUntil = performance.now() + PAUSE_MS;
}

/** A user who has changed something since means another one. */
export function noteChange(): void {
  quietUntil = -Infinity;
}

/** Asked at each press: a double click, or a key that is held down. */
export function isTooSoon(): boolean {
  const isQuiet = performance.now() < quietUntil;
  if (isQuiet) noteAccepted();
  return isQuiet;
}

/** Whether the very same call may succeed later. */
export function isRepeatable(result: { __typename: string; retryable?: boolean }): boolean {
  return result.retryable === true;
}
