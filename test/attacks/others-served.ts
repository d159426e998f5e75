import { expect } from "vitest";

const QUESTION = '{"query":"{ jobs(first: 0) { edges { cursor } } }"}';

/** Makes each attack, and asks a small question beside it; fails unless that is answered each time. */
export async function expectOthersServed(
  { url }: { readonly url: string },
  attacks: readonly (() => Promise<unknown>)[],
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const ask = async (): Promise<unknown> => {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: QUESTION,
    });
    return await response.json();
  };
  for (const attack of attacks) {
    const [, answer] = await Promise.all([attack(), ask()]);
    expect(answer).toEqual({ data: { jobs: { edges: [] } } });
  }
}
