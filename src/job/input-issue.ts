/** Where in an input: names of members, numbers of list items; empty for all of it. */
export type InputPath = readonly (string | number)[];

/** One thing that is wrong with an input, or worth knowing about it. */
export type InputIssue = { readonly path: InputPath; readonly message: string };

/** Turns the upstream's spelling of a path into the caller's: `["ctrl_img_1"]` into `["ctrlImg1"]`. */
export type Spelling = (path: InputPath) => InputPath;

/** Writes a path as clients see it: `images[0].url`; keys that are no identifiers are quoted. */
export function toPathText(path: InputPath): string {
  return path.map((segment, index) => toSegmentText(segment, index === 0)).join("");
}

/** One segment of such a path. */
export function toSegmentText(segment: string | number, isFirst: boolean): string {
  if (typeof segment === "number") return `[${segment}]`;
  if (!/^[A-Za-z_$][\w$-]*$/.test(segment)) return `[${JSON.stringify(segment)}]`;
  return isFirst ? segment : `.${segment}`;
}
