/** The gateway, or a command, can't run as it is set up; the text says why and what to do, and holds no credential. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}
