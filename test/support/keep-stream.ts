import { onTestFinished } from "vitest";

/** The same answer, until the test ends: one that nothing refers to is collected, and its stream closes with it. */
export function keepStream(response: Response): Response {
  onTestFinished(() => void response.body);
  return response;
}
