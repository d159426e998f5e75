import { contentTypeOf, isInline } from "./judge-file.ts";

/** How a browser is to take a file of this name: only what can hold no program is shown where its URL is opened. */
export function toFileHeaders(name: string): {
  readonly contentType: string;
  readonly contentDisposition: string;
} {
  const contentType = contentTypeOf(name);
  const kind = isInline(contentType) ? "inline" : "attachment";
  return { contentType, contentDisposition: `${kind}; filename="${name}"` };
}
