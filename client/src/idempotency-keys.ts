import { platform } from "./environment.ts";

/** Of what was sent without an answer: more than anybody sends by hand. */
const MAX_KEYS = 1_000;

/**
 * A new idempotency key. `crypto.randomUUID` is not there for pages that came over plain HTTP from another machine.
 *
 * @example
 * const result = await gateway.submit(SUBMIT_JOB, { deploymentId, input, key: createKey() });
 */
export function createKey(): string {
  return platform.crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/**
 * The idempotency keys of what was sent without an answer, by what was sent. They outlive a reload.
 *
 * @example
 * const keys = createKeys("my app");
 * const text = JSON.stringify({ deploymentId, input });
 * const key = keys.find(text) ?? createKey();
 * keys.keep(text, key);
 * await gateway.submit(SUBMIT_JOB, { deploymentId, input, key });
 * keys.drop(text);
 */
export function createKeys(name: string): {
  find(text: string): string | undefined;
  keep(text: string, key: string): void;
  /** The next submit of the same is another job. */
  drop(text: string): void;
} {
  const item = createItem(name);

  function read(): Readonly<Record<string, string>> {
    try {
      return JSON.parse(item.get() ?? "{}");
    } catch {
      return {};
    }
  }

  /** Without a key it is dropped, as JSON leaves out what is undefined. */
  function write(text: string, key?: string): void {
    const { [toDigest(text)]: _, ...others } = read();
    const newest = Object.entries({ ...others, [toDigest(text)]: key }).slice(-MAX_KEYS);
    item.set(JSON.stringify(Object.fromEntries(newest)));
  }

  return { find: (text) => read()[toDigest(text)], keep: write, drop: write };
}

/**
 * Sends what `text` identifies under an idempotency key of its own. Until an answer came, even after a reload, the same
 * text has the same key. After an answer that is not `retryable`, the next one is another job.
 */
export async function sendUnderKey<Result extends { readonly retryable?: boolean }>(
  name: string,
  text: string,
  send: (key: string) => Promise<Result>,
): Promise<Result> {
  const keys = createKeys(name);
  const key = keys.find(text) ?? createKey();
  // Mutant: a client that forgets a key with a lost answer
  keys.keep(text, key);
  const result = await send(key);
  if (!result.retryable) keys.drop(text);
  return result;
}

const unkept = new Map<string, string>();
const listeners = new Set<() => void>();

/**
 * What outlives a reload; where there is no `sessionStorage` or no room in it, it lives as long as the page.
 *
 * @example
 * const draft = createItem("draft");
 * const end = draft.subscribe(() => console.log(draft.get()));
 * draft.set("A paper lantern");
 * end();
 */
export function createItem(name: string) {
  return {
    get(): string | null {
      try {
        return unkept.get(name) ?? sessionStorage.getItem(name);
      } catch {
        return null;
      }
    },
    set(text: string): void {
      unkept.set(name, text);
      try {
        sessionStorage.setItem(name, text);
        unkept.delete(name);
      } catch {
        // Kept above.
      }
      for (const listener of listeners) listener();
    },
    subscribe(listener: () => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Short however much is sent: its length, and a hash like FNV-1a. If two collide, the gateway reports a conflict. */
export function toDigest(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return `${text.length}-${hash >>> 0}`;
}
