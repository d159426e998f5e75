import leven from "leven";

/** The candidates that a mistyped word may have meant: at most 3, nearest first; case, _ and - make no difference. */
export function nearMisses(word: string, candidates: Iterable<string>): string[] {
  const folded = fold(word);
  const farthest = Math.floor(folded.length * 0.4) + 1;
  const near = [...candidates]
    .map((candidate) => ({
      candidate,
      // Counting stops at `maxDistance`, and says so for all that is farther.
      distance: leven(folded, fold(candidate), { maxDistance: farthest + 1 }),
    }))
    .filter(({ distance }) => distance <= farthest)
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, MAX_SUGGESTIONS);
  // Next to one that is the word but for its spelling, others are noise.
  const nearest = near[0]?.distance === 0 ? near.filter(({ distance }) => distance === 0) : near;
  return nearest.map(({ candidate }) => candidate);
}

/** The end of a message, `; did you mean a, b or c?`, or nothing when there are no candidates. */
export function didYouMean(candidates: readonly string[]): string {
  return candidates.length === 0 ? "" : `; did you mean ${orList(candidates)}?`;
}

/** `a, b or c`; of many, the first ten and how many others there are. */
export function orList(words: readonly string[]): string {
  const rest = words.length - MAX_WORDS;
  const shown = rest > 1 ? [...words.slice(0, MAX_WORDS), `${rest} others`] : words;
  // British English has no comma before the "or".
  return new Intl.ListFormat("en-GB", { type: "disjunction" }).format(shown);
}

const MAX_WORDS = 10;

const MAX_SUGGESTIONS = 3;
/** The distance takes time by the product of both lengths. */
const MAX_CHARACTERS = 128;

function fold(word: string): string {
  return word.slice(0, MAX_CHARACTERS).toLowerCase().replaceAll(/[_-]/g, "");
}
