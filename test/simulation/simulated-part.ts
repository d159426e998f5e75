import type { Logger } from "pino";

import type { Admission } from "../../src/engine/store/admission.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import type { AlsoWrite } from "../../src/engine/store/admission.ts";
import { loadFromParts } from "../support/load-from-parts.ts";
import type { Row } from "./database.ts";
import type { Errand, Plan } from "./plan.ts";
import type { SimulatedProcess, World } from "./world.ts";

/** A part in simulations, by `simulated-part.ts` of its tests; its mutants are in `mutants.ts` there. */
export type SimulatedPart = {
  /** As in `src/parts.ts`. */
  readonly name: string;
  /** In how many of all plans it is on. */
  readonly share: number;
  /** Whether gateways give up files of outputs then, which it hears of. */
  readonly keepsOutputs: boolean;
  open(simulation: {
    readonly plan: Plan;
    readonly world: World;
    readonly ownerIds: readonly string[];
    /** What is committed, past all gateways. */
    readonly read: (text: string) => readonly Row[];
  }): PartOfSimulation;
};

export type PartOfSimulation = {
  /** Statements that write what there is from the beginning. */
  readonly given: string;
  /** Begins what it does in a gateway. */
  start(gateway: {
    readonly process: SimulatedProcess;
    readonly store: JobStore;
    readonly log: Logger;
  }): { close(): Promise<void> };
  /** Decides in a gateway whether jobs may be sent. */
  admission?(gateway: { readonly store: JobStore; readonly log: Logger }): Admission;
  /** What it writes with the job of an errand; null for nothing. */
  toWrite(errand: Errand): AlsoWrite | null;
  /** Notified of a POST that leaves its sender. */
  notePost?(mark: number, sender: string): void;
  /** What must hold of whatever is committed; asked after each POST and at the end. */
  check?(): void;
  /** What has to come yet, as sentences. */
  findMissing(): readonly string[];
  /** What must not happen, as it happened. */
  readonly broken: readonly string[];
};

const loaded = await loadFromParts<{ readonly simulated: SimulatedPart }>("simulated-part.ts");

export const SIMULATED_PARTS: readonly SimulatedPart[] = loaded.map(({ simulated }) => simulated);
