/** What the gateway searches for at most, and at least. */
export const LONGEST_TEXT = 200;
const SHORTEST_TEXT = 3;
/** Of all texts of an input; the gateway finds no more. */
const MOST_FOUND = 4_000;

/** Whether the gateway would search for a text. */
export function isSearched(text: string): boolean {
  return text.length <= LONGEST_TEXT && Array.from(fold(text.trim())).length >= SHORTEST_TEXT;
}

/** Whether one of the texts in an input holds another, as the gateway compares them. */
export function holdsText(input: unknown, text: string): boolean {
  const texts = findTexts(input).map((one) => fold(one.slice(0, MOST_FOUND)));
  return texts.join("\n").slice(0, MOST_FOUND).includes(fold(text));
}

function findTexts(value: unknown): readonly string[] {
  if (typeof value === "string") return value.startsWith("data:") ? [] : [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(findTexts);
}

function fold(text: string): string {
  return text
    .normalize("NFC")
    .toLowerCase()
    .replaceAll("ς", "σ")
    .replaceAll(/[\s\p{Cc}]+/gu, " ");
}
