import { once, type Release } from "./semaphore.ts";

/** Counts what each key, such as an owner, has open at once. */
export class Counter {
  total = 0;
  readonly #counts = new Map<string, number>();

  count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: string): Release {
    this.#change(key, 1);
    return once(() => this.#change(key, -1));
  }

  #change(key: string, amount: number): void {
    this.total += amount;
    const count = this.count(key) + amount;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
