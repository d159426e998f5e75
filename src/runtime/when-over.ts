import type { ServerResponse } from "node:http";

/** Calls it once the answer has left, or its client; at once if that is so already. */
export function whenOver(response: ServerResponse, act: () => void): void {
  if (response.closed) act();
  else response.once("close", act);
}
