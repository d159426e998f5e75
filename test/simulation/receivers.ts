import { NO_ANSWER, type Post } from "../../src/webhooks/post.ts";
import type { Chance } from "./chance.ts";
import { SimulatedProcess, type World } from "./world.ts";

/** As long as a gateway waits for an answer. */
const PATIENCE_MS = 15_000;

/** Half of a claim, so that whoever holds it may call a little later. */
const ALONE_MS = 20_000;

type Call = {
  readonly by: SimulatedProcess;
  readonly beganAtMs: number;
};

/** Servers that webhooks call. Of each delivery only the first try may fail. */
export class Receivers {
  /** What arrived: the ids of jobs, with the type of each event. */
  readonly told = new Map<string, string[]>();
  /** What must not happen, as it happened. */
  readonly broken: string[] = [];
  readonly #world: World;
  readonly #process: SimulatedProcess;
  readonly #chance: Chance;
  readonly #tried = new Set<string>();
  readonly #underWay = new Map<string, Call>();

  constructor(world: World) {
    this.#world = world;
    this.#process = new SimulatedProcess(world, "receivers");
    this.#chance = this.#process.chance;
  }

  /** What a gateway posts with. */
  connect(by: SimulatedProcess): Post {
    return async (url, { body, headers, signal }) => {
      if (by.isDead) return await new Promise(() => undefined);
      by.step();
      const beganAtMs = this.#world.nowMs;
      this.#checkAlone(url, by);
      const call = { by, beganAtMs };
      this.#underWay.set(url, call);
      const isFirst = !this.#tried.has(String(headers["webhook-id"]));
      this.#tried.add(String(headers["webhook-id"]));
      const fate = isFirst ? this.#chance.random() : 1;
      const { promise, resolve } = Promise.withResolvers<number | null>();
      signal.addEventListener("abort", () => resolve(null), { once: true });
      if (signal.aborted) resolve(null);
      this.#world.schedule(by, PATIENCE_MS, () => resolve(null));
      this.#world.schedule(this.#process, 5 + this.#chance.random() * 200, () => {
        // It never came, or asks to come again; an answer may be lost on its way.
        if (fate >= 0.1) this.#take(JSON.parse(body));
        if (fate < 0.03 || (fate >= 0.1 && fate < 0.15)) return;
        const status = fate < 0.1 ? 503 : 204;
        this.#world.schedule(by, this.#chance.random() * 200, () => resolve(status));
      });
      const status = await promise;
      if (this.#underWay.get(url) === call) this.#underWay.delete(url);
      return status === null ? NO_ANSWER : { status, retryAfterMs: 0 };
    };
  }

  #take({ type, data }: { readonly type: string; readonly data: { job: { id: string } } }): void {
    const { id } = data.job;
    this.told.set(id, [...(this.told.get(id) ?? []), type]);
    this.#world.note("receiver is told", type, "of", id);
  }

  /** One delivery at a time, as long as its gateway can keep its claim. */
  #checkAlone(url: string, by: SimulatedProcess): void {
    const before = this.#underWay.get(url);
    if (before === undefined || before.by.isDead || before.by.hasBeenFrozen) return;
    if (this.#world.nowMs - before.beganAtMs < ALONE_MS)
      this.broken.push(`${by.name} called ${url}, which ${before.by.name} was calling.`);
  }
}
