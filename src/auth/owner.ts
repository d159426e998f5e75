/** What an owner's id must be like; goes on from the id. */
export const OWNER_RULE = "must be 1 to 255 characters without control characters";

/** Whether a text can be an owner's id: a column can hold it, and a line of a log or a list shows it whole. */
export function isOwnerId(text: string): boolean {
  return text.length <= 255 && text.isWellFormed() && /^\P{Cc}+$/u.test(text);
}
