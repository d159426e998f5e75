/** What the gateway searches for at most, and at least. */
export const LONGEST_TEXT = 200;
const SHORTEST_TEXT = 3;

/** Whether the gateway would search for a text. */
export function isSearched(text: string): boolean {
  return text.length <= LONGEST_TEXT && Array.from(fold(text)).length >= SHORTEST_TEXT;
}

/** Whether one of the texts in an input holds another, as the gateway compares them. */
export function holdsText(input: unknown, text: string): boolean {
  if (typeof input === "string") return fold(input).includes(fold(text));
  if (typeof input !== "object" || input === null) return false;
  return Object.values(input).some((value) => holdsText(value, text));
}

function fold(text: string): string {
  return text
    .normalize("NFC")
    .toLowerCase()
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .trim();
}
