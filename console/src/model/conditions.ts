import { dayBefore, type Filters, isSearched, MEDIA, STATUSES } from "./filters";
import { toDay } from "./words";

/** The screens that list jobs: the gallery only those that made something, by the kinds of their files. */
export type Screen = "jobs" | "gallery";

/** Something that one can ask for with a click, or has asked for. */
export type Condition = {
  readonly name: string;
  readonly isSet: boolean;
  /** Asks for it; where it is set, for it no more. */
  readonly change: Partial<Filters>;
};

const SPANS = [
  { name: "Today", days: 0 },
  { name: "7 days", days: 6 },
  { name: "30 days", days: 29 },
];

/** What one click asks for. */
export function toQuick(filters: Filters, screen: Screen, now: number): readonly Condition[] {
  const { media, starred } = filters;
  const kinds = MEDIA.map(({ word, name }) => {
    const isSet = media.includes(word);
    const others = media.filter((one) => one !== word);
    return { name, isSet, change: { media: isSet ? others : [...others, word] } };
  });
  const star = {
    name: "Starred",
    isSet: starred !== "",
    change: { starred: starred ? "" : "true" },
  };
  return [...toSpans(filters, now), ...(screen === "gallery" ? kinds : []), star];
}

/** What else is asked for: typed or chosen. */
export function toChosen(
  filters: Filters,
  nameOf: (deploymentId: string) => string,
  now: number,
): readonly Condition[] {
  const { status, deployment, tag, owner, text } = filters;
  const isSpan = toSpans(filters, now).some(({ isSet }) => isSet);
  const chosen: readonly (readonly [name: string, change: Partial<Filters>])[] = [
    ...STATUSES.filter(({ word }) => status.includes(word)).map(
      ({ name, word }) => [name, { status: status.filter((one) => one !== word) }] as const,
    ),
    [deployment && nameOf(deployment), { deployment: "" }],
    [isSpan ? "" : toDates(filters), { from: "", to: "" }],
    [tag && `Tag: ${tag}`, { tag: "" }],
    [owner && `Owner: ${owner}`, { owner: "" }],
    [isSearched(text) ? `“${text.trim()}”` : "", { text: "" }],
  ];
  return chosen.flatMap(([name, change]) => (name === "" ? [] : { name, isSet: true, change }));
}

/** The days up to today. */
function toSpans({ from, to }: Filters, now: number): readonly Condition[] {
  const today = dayBefore(0, now);
  return SPANS.map(({ name, days }) => {
    const begins = dayBefore(days, now);
    const isSet = from === begins && (to === "" || to === today);
    return { name, isSet, change: { from: isSet ? "" : begins, to: "" } };
  });
}

function toDates({ from, to }: Filters): string {
  const [first, last] = [from, to].map((day) => day && toDay(`${day}T00:00`));
  if (from !== "" && from === to) return first ?? "";
  return [first && `from ${first}`, last && `to ${last}`].filter(Boolean).join(" ");
}
