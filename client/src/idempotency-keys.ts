/** Of what was sent without an answer: more than anybody sends by hand. */
const MAX_KEYS = 1_000;

/**
 * A new idempotency key. `crypto.randomUUID` is not there for pages that came over plain HTTP from another machine.
 *
 * @example
 * const result = await gateway.submit(SUBMIT_JOB, { deploymentId, input, key: createKey() });
 */
export function createKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
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
export function createKeys(name: string) {
  const item = createItem(name);

  function read(): Readonly<Record<string, string>> {
    try {
      return JSON.parse(item.get() ?? "{}");
    } catch {
      return {};
    }
  }

  function without(text: string): (readonly [string, string])[] {
    const digest = toDigest(text);
    return Object.entries(read()).filter(([one]) => one !== digest);
  }

  return {
    find: (text: string): string | undefined => read()[toDigest(text)],
    keep(text: string, key: string): void {
      const kept = [...without(text), [toDigest(text), key] as const].slice(-MAX_KEYS);
      item.set(JSON.stringify(Object.fromEntries(kept)));
    },
    /** The next submit of the same is another job. */
    drop(text: string): void {
      item.set(JSON.stringify(Object.fromEntries(without(text))));
    },
  };
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

/** Short however much is sent: its length, and a hash in the manner of FNV-1a. For two alike the gateway tells a conflict. */
export function toDigest(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return `${text.length}-${hash >>> 0}`;
}
