import { loadFromParts } from "../support/load-from-parts.ts";

/** Replaces what it finds first behind a mark. It names nothing of the source, so that a renaming breaks no mutant. */
export type Edit = readonly [found: RegExp, replacement: string];

/** A change of the source that breaks a promise: a seed that finds it, and what happens below each `// Mutant: NAME`. */
export type Mutant = readonly [seed: number, ...edits: readonly Edit[]];

const LEAVE_OUT: Edit = [/^.*\n/, ""];
const ALWAYS: Edit = [/if \(/, "if (true || "];
const NEVER: Edit = [/if \(/, "if (false && "];
const FIRST_CONDITION_ALONE: Edit = [/ \|\| .*?(?=\) )/, ""];

const OF_PARTS = await loadFromParts<{ readonly MUTANTS: typeof MUTANTS }>("mutants.ts");

/** `npm run simulate -- --mutant "no fence on the version"` shows whether that is found. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  ...Object.assign({}, ...OF_PARTS.map((part) => part.MUTANTS)),
  "a POST that does not wait for its row": [1, [/await (.*);/, "($1.catch(() => {}), true);"]],
  "a POST that leaves although its lease has run out": [32, [/\(await .*\) \?/, "true ?"]],
  "no fence on the version": [8, LEAVE_OUT],
  "no fence on the labels": [53, [/sql`.*`/, "sql`1 = 1`"]],
  // The second mark: what is due so late is else taken for a clock that was set back.
  "a claim that never expires": [33, [/= .*;/, "= 90_000_000;"]],
  "an abandoned submit settled while it is under way": [
    5,
    [/submit_until <= /, "submit_until - 600000 <= "],
    ALWAYS,
  ],
  "a watcher who is not notified": [7, LEAVE_OUT],
  "a quota refunded twice": [63, [/await (\w+\(\))/, "await Promise.all([$1, $1])"]],
  "a withdrawn row that still counts as in flight": [5, [/-1/, "0"]],
  "a withdrawn row that keeps its key": [63, [/delete (from .*)\s+returning/, "select id $1 --"]],
  "a lost answer taken for one that was not sent": [19, [/"unknown"/, '"refused"']],
  "a proxy's time-out taken for a refusal": [19, [/>= 500/, "=== 500"]],
  "a cancel recorded as final": [16, ALWAYS],
  "a restart that forgets the polls to come": [5, [/where /, "where false and "]],
  "a client that retries under another key": [
    7,
    [/, (\w+)\)/, ", { ...$1, key: ($1.key += '+') })"],
  ],
  "a client that retries after an answer": [
    12,
    [/\[.*\]\.includes\(error\.code\)/, "error.retryable"],
  ],
  "a client that gives up on what may pass": [6, [/, "UNAVAILABLE"/, ""]],
  "a client that never gives up": [113, FIRST_CONDITION_ALONE],
  "a client that retries without a pause": [5, LEAVE_OUT],
  "a client that forgets a key with a lost answer": [27, LEAVE_OUT],
  "more POSTs at once than there may be": [71, [/,/, " * 4,"]],
  "a stop that hands no poll over": [302, [/\{ \.\.\.[^}]*\}/, "null"]],
  "a pause that nobody keeps": [315, NEVER],
  "more jobs of a deployment than there may be at once": [17, [/\(await .*?\)\)/, "false"]],
  "a paused deployment whose jobs are sent": [30, [/= await [^;]*;/, "= false;"]],
  "an approval by who submitted the job": [5, [/not coalesce\(.*?\)/, "1 = 1"]],
  "a job that is not ended in time": [8, [/= (\w+)\.map/, "= $1.slice(0, 0).map"]],
  "an outcome of a claim that is over": [50, [/ and \w+ = \$\{\w+\}/, ""], [/ && [^;]*/, ""]],
  "an abandoned claim that is put back": [79, [/ and \w+ <> 0/, ""]],
  "a cancel that a claimed job does not keep": [119, LEAVE_OUT],
  "a POST that leaves after its job's `sendBefore`": [32, [/=> .*;/, "=> Infinity;"]],
};
