import type { Logger } from "pino";

import type { SchemaAddition } from "./api/schema/create-schema.ts";
import type { Answers } from "./api/server/answers.ts";
import type { SubmitArguments } from "./api/schema/submit.ts";
import type { Scope } from "./auth/viewer.ts";
import type { Config } from "./config/load-config.ts";
import type { Rules } from "./config/rules.ts";
import type { Channels } from "./engine/diagnostics/channels.ts";
import type { Figure } from "./engine/diagnostics/figure.ts";
import type { Admission } from "./engine/store/admission.ts";
import type { Engine, SubmitOption } from "./engine/engine.ts";
import type { EntryMembers } from "./engine/runcomfy/kinds/kind.ts";
import type { Costs } from "./engine/job/cost.ts";
import type { Migration, PartTables } from "./engine/store/migrations.ts";

/**
 * A feature in a folder of its own, `parts/NAME/`, which goes with that folder and its line of `parts.ts`. Its `part.ts`
 * is light, because every start reads it: functions import what they need when they are called, and only where the part
 * is on. `Settings` has the values of its variables.
 */
export type Part<Settings = unknown> = {
  /** Its folder, and its name in `Viewer.parts`. */
  readonly name: string;
  /** The variables that it reads. */
  readonly settings?: Rules;
  /** Left out, it is always on. */
  isOn?(settings: Settings, config: Config): boolean;
  /** The scopes of credentials that it asks for. */
  readonly scopes?: readonly Scope[];
  /** Limits in US dollars that an API key may have: names, and what each limits, for the command's help. */
  readonly credentialLimits?: Readonly<Record<string, string>>;
  /** Its tables, by versions of its own; they stay where it is off. */
  migrations?(): Promise<readonly Migration[]>;
  /** What writes with every change while it is on; see `PartTables`. */
  triggers?(): Promise<PartTables["triggers"]>;
  /** The kinds of events that a webhook can have, each with its description in the schema. */
  readonly events?: Readonly<Record<string, string>>;
  /** The members that it adds to every entry of the deployments file, whether it is on or off. */
  readonly entry?: EntryMembers;
  /** The arguments that it adds to every submit, by their names. */
  readonly submitOptions?: SubmitArguments;
  /** What it adds to the schema; its resolvers find its service by `context.parts.find`. */
  schema?(): Promise<SchemaAddition>;
  /** Opens it before the engine, so that it observes everything, and closes it last. */
  observe?(observed: Observed, settings: Settings): Promise<OpenPart>;
  /** Opens it on the open engine, before the server. */
  open?(engine: OpenEngine, settings: Settings): Promise<OpenPart>;
};

/** A part that is on. */
export type OpenPart = Answers & {
  /** What its resolvers call: an object of a class of its own. */
  readonly service?: object;
  /** What it makes of the arguments that it adds to submits, by their names. */
  readonly submitOptions?: Readonly<Record<string, SubmitOption>>;
  /** Decides whether jobs may be sent. */
  readonly admission?: Admission;
  /** Estimates what jobs and inputs cost. */
  readonly costs?: Costs;
  readonly figures?: readonly Figure[];
  /** The log that the gateway writes from here on; left out, the one it has. */
  readonly log?: Logger;
  /** Documents that run where only trusted ones do. */
  documents?(): readonly string[];
  /** Where people find it: a URL, or a path of the gateway. */
  readonly url?: string;
  /** Lets go of those who wait, before anything closes. */
  stop?(): void;
  close(): Promise<void>;
};

/** The engine that parts open on. */
export type OpenEngine = Engine & {
  /** The gateway's. */
  readonly version: string;
  /** The folder of the gateway's package.json. */
  readonly folder: string;
};

/** What there is to observe before the engine is open. */
export type Observed = {
  readonly config: Config;
  /** The gateway's. */
  readonly version: string;
  readonly channels: Channels;
  /** Grows while the gateway opens. */
  readonly figures: readonly Figure[];
  /** Null until it is open. */
  readonly engine: () => Engine | null;
  readonly log: Logger;
};
