import { NO_ANSWER, type Post } from "../../../src/parts/webhooks/post.ts";
import type { Chance } from "../../simulation/chance.ts";
import { SimulatedProcess, type World } from "../../simulation/world.ts";

/** As long as a gateway waits for an answer. */
const PATIENCE_MS = 15_000;

/** Half of a claim, so that its holder may call a little later. */
const ALONE_MS = 20_000;

type Call = {
  readonly by: SimulatedProcess;
  readonly beganAtMs: number;
};

type Message = { readonly type: string; readonly data: { readonly job: { readonly id: string } } };

/** Servers that webhooks call. Of each delivery only the first try may fail. */
export class Receivers {
  /** What arrived: URLs with the ids of jobs and the type of each event. */
  readonly delivered = new Set<string>();
  /** What must not happen, as it happened. */
  readonly broken: string[] = [];
  readonly #world: World;
  readonly #process: SimulatedProcess;
  readonly #chance: Chance;
  readonly #tried = new Set<string>();
  /** By origin. */
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
      const { origin } = new URL(url);
      this.#checkAlone(origin, by);
      const call = { by, beganAtMs };
      this.#underWay.set(origin, call);
      const isFirst = !this.#tried.has(String(headers["webhook-id"]));
      this.#tried.add(String(headers["webhook-id"]));
      const fate = isFirst ? this.#chance.random() : 1;
      const { promise, resolve } = Promise.withResolvers<number | null>();
      signal.addEventListener("abort", () => resolve(null), { once: true });
      if (signal.aborted) resolve(null);
      this.#world.schedule(by, PATIENCE_MS, () => resolve(null));
      this.#world.schedule(this.#process, 5 + this.#chance.random() * 200, () => {
        // It never came, or asks to come again; an answer may be lost on its way.
        if (fate >= 0.1) this.#take(url, JSON.parse(body));
        if (fate < 0.03 || (fate >= 0.1 && fate < 0.15)) return;
        const status = fate < 0.1 ? 503 : 204;
        this.#world.schedule(by, this.#chance.random() * 200, () => resolve(status));
      });
      const status = await promise;
      if (this.#underWay.get(origin) === call) this.#underWay.delete(origin);
      return status === null ? NO_ANSWER : { status, retryAfterMs: 0 };
    };
  }

  #take(url: string, { type, data: { job } }: Message): void {
    if (type === "job.kept" && !this.delivered.has(`${url} job.succeeded ${job.id}`))
      this.broken.push(`${url} got that files of ${job.id} are kept before its end.`);
    this.delivered.add(`${url} ${type} ${job.id}`);
    this.#world.note(url, "gets", type, "of", job.id);
  }

  /** One delivery at a time, as long as its gateway can keep its claim. */
  #checkAlone(origin: string, by: SimulatedProcess): void {
    const before = this.#underWay.get(origin);
    if (before === undefined || before.by.isDead || before.by.hasBeenFrozen) return;
    if (this.#world.nowMs - before.beganAtMs < ALONE_MS)
      this.broken.push(`${by.name} called ${origin}, which ${before.by.name} was calling.`);
  }
}
