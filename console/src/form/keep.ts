/** Whether a text is kept for a reload; a browser has room for a few MB only, and some have none. */
export function keep(name: string, text: string): boolean {
  try {
    sessionStorage.setItem(name, text);
    return true;
  } catch {
    return false;
  }
}
