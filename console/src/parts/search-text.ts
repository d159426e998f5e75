/** What the gateway searches for at most, and at least. */
export const LONGEST_TEXT = 200;
const SHORTEST_TEXT = 3;

/** Whether the gateway would search for a text. */
export function isSearched(text: string): boolean {
  return text.length <= LONGEST_TEXT && Array.from(fold(text.trim())).length >= SHORTEST_TEXT;
}

function fold(text: string): string {
  return text
    .normalize("NFC")
    .toLowerCase()
    .replaceAll("ς", "σ")
    .replaceAll(/[\s\p{Cc}]+/gu, " ");
}
