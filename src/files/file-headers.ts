import { contentTypeOf, isInline } from "./detect-file.ts";

/** How a browser is to take a file of this name: only what can hold no program is shown where its URL is opened. */
export function toFileHeaders(name: string): {
  readonly contentType: string;
  readonly contentDisposition: string;
} {
  const contentType = contentTypeOf(name);
  // Without a name: a browser takes the URL's, and a page that has a better one can give it.
  return { contentType, contentDisposition: isInline(contentType) ? "inline" : "attachment" };
}
