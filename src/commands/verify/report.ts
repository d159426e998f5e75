import type { JsonValue } from "../../engine/job/json.ts";
import { describeEnd, isOutage } from "./answers.ts";
import { type Context, type Fact, FACTS } from "./facts.ts";

const STATES = ["different", "not seen", "as expected"] as const;

/** Who answered, and what that shows; it holds no token, prompt, id or URL. */
export type Report = {
  readonly answeredBy: string;
  /** When, in UTC. */
  readonly at: string;
  readonly facts: readonly (Pick<Fact, "name" | "reliedOn"> & {
    readonly state: (typeof STATES)[number];
    readonly seen: string;
  })[];
};

/** Shorter ones are rather words such as "2k" than prompts or ids. */
const MIN_SECRET_LENGTH = 4;
const MAX_SEEN = 8;

/** What the exchanges show of each fact. `secrets` are cut out of it, whatever they are part of. */
export function toReport(
  context: Context,
  about: { readonly answeredBy: string; readonly at: Date; readonly secrets: JsonValue },
): Report {
  const secrets = listTexts(about.secrets);
  const clean = (text: string): string =>
    secrets.reduce((cut, secret) => cut.replaceAll(secret, "…"), text);
  return {
    answeredBy: about.answeredBy,
    at: about.at.toISOString(),
    facts: FACTS.map((fact) => {
      const { name, reliedOn } = fact;
      const { state, seen } = judgeFact(fact, context);
      return { name, reliedOn, state, seen: clean(seen) };
    }),
  };
}

function judgeFact({ of, check }: Fact, context: Context) {
  const shown = context.exchanges
    .filter((exchange) => of.includes(exchange.purpose) && !isOutage(exchange))
    .map((exchange) => {
      const one = check(exchange, context);
      return one === false ? describeEnd(exchange) : one;
    })
    .filter((one) => one !== null);
  const odd = shown.filter((one) => typeof one === "string");
  const usual = shown.flatMap((one) => (typeof one === "object" ? one.expected : []));
  const seen = [...new Set(odd.length > 0 ? odd : usual)].slice(0, MAX_SEEN).join("; ");
  const state = odd.length > 0 ? "different" : shown.length > 0 ? "as expected" : "not seen";
  return { state, seen } as const;
}

/** The report for people. */
export function printReport({ answeredBy, at, facts }: Report): string {
  const rows = STATES.flatMap((state) => facts.filter((fact) => fact.state === state)).map(
    ({ state, name, reliedOn, seen }) => [state, name, reliedOn, seen],
  );
  const widths = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const counts = STATES.map(
    (state) => `${facts.filter((fact) => fact.state === state).length} ${state}`,
  );
  const summary = `${answeredBy} answered, on ${at}: ${counts.join(", ")}.`;
  const notes = facts.some(({ state }) => state === "not seen") ? [NOT_SEEN] : [];
  return [summary, ...notes, "", ...lines].join("\n");
}

const NOT_SEEN = "Most of what is not seen needs --spend, and a workflow's facts --workflow ID.";

/** All texts in a JSON value, the longest first, as one may be part of another. */
function listTexts(value: JsonValue): string[] {
  const texts = typeof value === "string" ? [value] : Object.values(value ?? {}).flatMap(listTexts);
  return texts
    .filter(({ length }) => length >= MIN_SECRET_LENGTH)
    .toSorted((one, other) => other.length - one.length);
}
