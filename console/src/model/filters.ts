import type { JobFilter, JobStatus } from "../gql";
import { isText } from "./json";
import { STATUS_WORDS } from "./words";

type Status = {
  readonly word: "active" | "held" | "succeeded" | "failed" | "cancelled";
  readonly name: string;
  readonly of: readonly JobStatus[];
};

/** The statuses that people distinguish, in the words of the URL. */
export const STATUSES: readonly Status[] = [
  { word: "active", name: "Active", of: ["HELD", "SUBMITTING", "IN_QUEUE", "IN_PROGRESS"] },
  { word: "held", name: STATUS_WORDS.HELD, of: ["HELD"] },
  { word: "succeeded", name: STATUS_WORDS.SUCCEEDED, of: ["SUCCEEDED"] },
  { word: "failed", name: STATUS_WORDS.FAILED, of: ["FAILED"] },
  { word: "cancelled", name: STATUS_WORDS.CANCELLED, of: ["CANCELLED"] },
];
/** The kinds of files that the gallery shows, in the words of the URL. */
export const MEDIA = [
  { word: "image", name: "Pictures" },
  { word: "video", name: "Videos" },
  { word: "audio", name: "Sounds" },
] as const;
export type Media = readonly (typeof MEDIA)[number]["word"][];
export const MAX_TAG_LENGTH = 64;
/** What the gateway searches for at most, and at least. */
export const MAX_TEXT_LENGTH = 200;
const MIN_TEXT_LENGTH = 3;

/** What a person asked to see, as the URL's query string has it; nothing is empty. */
export type Filters = ReturnType<typeof readFilters>;

/** Whatever the URL or a form has that can't be read counts as not given. */
export function readFilters(given: Pick<URLSearchParams | FormData, "get" | "getAll">) {
  const read = (name: string): string => {
    const value: unknown = given.get(name);
    return isText(value) ? value : "";
  };
  const pick = <Word extends string>(name: string, all: readonly { readonly word: Word }[]) => {
    const words: readonly unknown[] = given.getAll(name);
    return all.map(({ word }) => word).filter((word) => words.includes(word));
  };
  return {
    status: pick("status", STATUSES),
    /** Of which jobs have to have made a file; the gateway has no such filter. */
    media: pick("media", MEDIA),
    deployment: read("deployment"),
    /** Days as `2026-07-22`, where the person is. */
    from: readDay(read("from")),
    to: readDay(read("to")),
    tag: readTag(read("tag")),
    owner: read("owner"),
    starred: read("starred") === "" ? "" : "true",
    /** As it is typed; too short a one finds nothing yet. */
    text: read("text"),
  };
}

export const NO_FILTERS = readFilters(new URLSearchParams());

export function toJobFilter(filters: Filters): JobFilter {
  const { status, deployment, from, to, tag, owner, starred, text } = filters;
  const meant = STATUSES.filter(({ word }) => status.includes(word));
  return {
    ...(meant.length > 0 && { status: [...new Set(meant.flatMap((one) => one.of))] }),
    ...(deployment !== "" && { deploymentId: deployment }),
    ...(tag !== "" && { tag }),
    ...(owner !== "" && { ownerId: owner }),
    ...(starred !== "" && { isStarred: true }),
    ...(isSearched(text) && { text: text.trim() }),
    // Both bounds are exclusive, and both days are meant.
    ...(from !== "" && { createdAfter: new Date(startOf(from).getTime() - 1).toISOString() }),
    ...(to !== "" && { createdBefore: startOf(to, 1).toISOString() }),
  };
}

/** A day in the years 1000 to 9998, which leaves one more on both sides; else none. */
function readDay(text: string): string {
  const isDay = /^(?!9999)[1-9]\d{3}-\d\d-\d\d$/.test(text);
  return isDay && !Number.isNaN(startOf(text).getTime()) ? text : "";
}

/** What the gateway takes for a tag; else none. */
function readTag(text: string): string {
  const canBe = text.length <= MAX_TAG_LENGTH && text.isWellFormed();
  return canBe && !/\p{Cc}/u.test(text) ? text : "";
}

/** The day where the person is, or another so many days ago, as `2026-07-22`. */
export function dayBefore(days: number, now: number): string {
  const day = new Date(now);
  day.setDate(day.getDate() - days);
  const parts = [day.getFullYear(), day.getMonth() + 1, day.getDate()];
  return parts.map((part) => String(part).padStart(2, "0")).join("-");
}

/** When a day begins, or another so many days later. */
function startOf(day: string, later = 0): Date {
  const start = new Date(`${day}T00:00`);
  start.setDate(start.getDate() + later);
  return start;
}

/** Whether the gateway would search for a text. */
export function isSearched(text: string): boolean {
  const folded = text
    .normalize("NFC")
    .trim()
    .toLowerCase()
    .replaceAll(/[\s\p{Cc}]+/gu, " ");
  return text.length <= MAX_TEXT_LENGTH && Array.from(folded).length >= MIN_TEXT_LENGTH;
}
