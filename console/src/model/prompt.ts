import type { JobRowFragment } from "../gql";
import { isObject, isText } from "./json";

/** What models call the words that say what to make, the usual one first. */
const NAMES = ["prompt", "text", "tags"];

/** What a job was asked for, in its own words; empty where its input has none. */
export function promptOf({ input }: Pick<JobRowFragment, "input">): string {
  const words = NAMES.map((name) => (isObject(input) ? input[name] : undefined));
  return words.find(isText) ?? "";
}
