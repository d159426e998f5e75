import type { Logger } from "pino";

import { PartServices } from "./api/schema/part-services.ts";
import type { Config, loadConfig } from "./config/load-config.ts";
import type { Channels } from "./engine/diagnostics/channels.ts";
import type { Figure } from "./engine/diagnostics/figure.ts";
import type { Admission } from "./engine/store/admission.ts";
import type { SubmitOption } from "./engine/engine.ts";
import type { Costs } from "./engine/job/cost.ts";
import type { OpenEngine, OpenPart, Part } from "./part.ts";
import type { Opened } from "./runtime/opened.ts";

/** How a gateway of these parts was asked to run. */
export type GatewayConfig = ReturnType<typeof loadConfig<Part>>;

/** The parts that are on, and what each has given once it is open. `opened` closes them. */
export class OpenParts {
  readonly on: readonly Part[];
  readonly services = new PartServices();
  /** By the arguments' names. */
  readonly submitOptions: Record<string, SubmitOption> = {};
  readonly admissions: Admission[] = [];
  readonly costs: Costs[] = [];
  /** Of parts, and of others that add some. */
  readonly figures: Figure[] = [];
  /** In the order in which they were opened. */
  readonly open: (OpenPart & { readonly name: string })[] = [];
  readonly #config: Config;
  readonly #settings: ReadonlyMap<Part, unknown>;
  readonly #opened: Opened;
  #engine: OpenEngine | null = null;

  constructor(config: GatewayConfig, opened: Opened) {
    const on = config.parts.filter(({ part, settings }) => part.isOn?.(settings, config) ?? true);
    this.on = on.map(({ part }) => part);
    this.#config = config;
    this.#settings = new Map(on.map(({ part, settings }) => [part, settings]));
    this.#opened = opened;
  }

  /** Opens those that observe the engine, before it is open. Gives the log that is written from there on. */
  async observe(
    version: string,
    { channels, log }: { readonly channels: Channels; readonly log: Logger },
  ): Promise<Logger> {
    const observed = { config: this.#config, version, channels, figures: this.figures };
    let current = log;
    for (const part of this.on) {
      const sources = { ...observed, engine: () => this.#engine, log: current };
      const observer = await part.observe?.(sources, this.#settings.get(part));
      if (observer !== undefined) this.#add(part, observer);
      current = observer?.log ?? current;
    }
    return current;
  }

  /** Opens the others. */
  async openOn(engine: OpenEngine): Promise<void> {
    this.#engine = engine;
    for (const part of this.on) {
      const opened = await part.open?.(engine, this.#settings.get(part));
      if (opened !== undefined) this.#add(part, opened);
    }
  }

  /** What runs where only trusted documents do. */
  documents(): readonly string[] {
    return this.open.flatMap((part) => part.documents?.() ?? []);
  }

  /** Where people find parts: titles, and URLs or paths of the gateway. */
  get urls(): readonly (readonly [title: string, url: string])[] {
    return this.open.flatMap(({ name, url }) =>
      url === undefined ? [] : [[name.charAt(0).toUpperCase() + name.slice(1), url] as const],
    );
  }

  /** Lets go of all who wait for parts. */
  stop(): void {
    for (const part of this.open) part.stop?.();
  }

  #add({ name }: Part, opened: OpenPart): void {
    this.open.push({ ...this.#opened.keep(opened), name });
    if (opened.service !== undefined) this.services.add(opened.service);
    Object.assign(this.submitOptions, opened.submitOptions);
    if (opened.admission !== undefined) this.admissions.push(opened.admission);
    if (opened.costs !== undefined) this.costs.push(opened.costs);
    this.figures.push(...(opened.figures ?? []));
  }
}
