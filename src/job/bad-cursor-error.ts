/** A text that was given as a place in the feed and is none. */
export class BadCursorError extends Error {
  override readonly name = "BadCursorError";

  constructor() {
    super(
      "This is no cursor of the feed. Take one from a `JobChange`, or leave it out to start from now.",
    );
  }
}
