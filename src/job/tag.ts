import type { InputIssue } from "./input-issue.ts";
import { textProblem } from "./input-issue.ts";

const MAX_TAGS = 10;
const MAX_TAG_LENGTH = 64;

/** Why a text can't be a tag, to be read after its name; null where it can. */
export function tagProblem(tag: string): string | null {
  if (tag.length === 0 || tag.length > MAX_TAG_LENGTH)
    return `has to be 1 to ${MAX_TAG_LENGTH} characters long; a word or two serve well`;
  if (/\p{Cc}/u.test(tag)) return "holds a control character; type it again";
  return textProblem(tag);
}

/** What is wrong with a job's tags, of which the same one may come often: at most 10 issues. */
export function checkTags(tags: readonly string[]): InputIssue[] {
  const distinct = new Set(tags);
  if (distinct.size > MAX_TAGS) {
    const message = `has ${distinct.size} different tags; leave some out, as a job has at most ${MAX_TAGS}`;
    return [{ path: ["tags"], message }];
  }
  return [...distinct].flatMap((tag) => {
    const message = tagProblem(tag);
    return message === null ? [] : [{ path: ["tags", tags.indexOf(tag)], message }];
  });
}
