/** What the gateway searches for at most, and at least. */
export const MAX_TEXT_LENGTH = 200;
const MIN_TEXT_LENGTH = 3;

/** Whether the gateway would search for a text. */
export function isSearched(text: string): boolean {
  return text.length <= MAX_TEXT_LENGTH && Array.from(fold(text.trim())).length >= MIN_TEXT_LENGTH;
}

function fold(text: string): string {
  return text
    .normalize("NFC")
    .toLowerCase()
    .replaceAll("ς", "σ")
    .replaceAll(/[\s\p{Cc}]+/gu, " ");
}
