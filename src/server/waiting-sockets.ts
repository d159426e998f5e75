/** Those by which nobody has been let in yet. */
export type WaitingSockets = {
  /** Adds one; `end` closes it to make room for another. What it returns takes it out again. */
  add(end: () => void): () => void;
};

/**
 * Ends the one that has waited longest when there are more than `most`, so that whoever sends a credential at once gets
 * in, however many others keep silent.
 */
export function createWaitingSockets({ most }: { readonly most: number }): WaitingSockets {
  const ends = new Set<() => void>();
  return {
    add(end) {
      ends.add(end);
      const [oldest] = ends;
      if (ends.size > most && oldest !== undefined) {
        ends.delete(oldest);
        oldest();
      }
      return () => void ends.delete(end);
    },
  };
}
