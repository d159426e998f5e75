import type { z } from "zod";

import type { InputPath } from "../../job/input.ts";
import type { JobKind } from "../../job/kind.ts";
import type { JsonObject } from "../../job/json.ts";
import type { Adapter } from "../adapter.ts";

/** All that is different about one kind of job. Everything else is the same for all kinds. */
export type Kind = {
  /** In rows and in the deployments file; in GraphQL, in capitals. */
  readonly name: JobKind;
  /** What runs such jobs, in a sentence of GraphQL's schema. */
  readonly description: string;
  /** The same in a word or two, to be read after "a". */
  readonly noun: string;
  readonly adapter: Adapter;
  /** What an entry of the deployments file has for this kind. */
  readonly entry: (tools: EntryTools) => EntryForm;
  /** Whole numbers that a `seed` may be where nothing is known of the input; null where it may mean something else. */
  readonly seeds: { readonly least: number; readonly most: number } | null;
  /** What an input may have only where its schema names it, and what to say of it, to be read after its name. */
  readonly foreign: { readonly names: readonly string[]; readonly message: string } | null;
  /** How to recognize it in RunComfy's list of deployments; null for what is not listed there, or has no mark. */
  readonly mark: Mark | null;
  readonly verify: {
    /** The command's option that names one. */
    readonly option: string;
    /** What the option takes, for the command's help. */
    readonly help: string;
    /** Members that all inputs have; each gets a value of a wrong type. */
    readonly usual: JsonObject;
  };
};

/** What marks a deployment. The list shows what it seems to be, its payload what it is. */
type Mark = {
  readonly isSeeming: (entry: JsonObject) => boolean;
  readonly isShown: (payload: JsonObject) => boolean;
};

/** Takes a sentence about a place in an entry. */
type Note = (path: InputPath, message: string) => void;
/** `report` takes errors, which keep the file from being used; `warn` takes probable mistakes. */
export type Notes = { readonly report: Note; readonly warn: Note };

/** What describes the form of an entry. Zod takes 40 ms to load, so only what reads a deployments file loads it. */
export type EntryTools = {
  readonly z: typeof z;
  readonly text: z.ZodString;
  /** The id of a deployment. */
  readonly id: z.ZodType<string>;
  /** An object of any members, or null; `problem` is what to say of anything else. */
  readonly anyObject: (problem: string) => z.ZodType<JsonObject | null>;
  readonly jsonSchema: z.ZodType<JsonObject | null>;
  /** `read` gets the members of an entry whose form is right. */
  readonly form: <Members extends z.ZodRawShape>(form: {
    readonly id: z.ZodType<string>;
    readonly members: Members;
    readonly read: (members: z.infer<z.ZodObject<Members>>, notes: Notes) => EntryFacts;
  }) => EntryForm;
};

/** Members that a part adds to the entries of this kind, by their names; the same names for every kind. */
export type EntryMembers = (tools: EntryTools, kind: Kind) => Readonly<Record<string, z.ZodType>>;

/** What an entry has beside the members that all kinds have. */
export type EntryForm = {
  readonly id: z.ZodType<string>;
  readonly members: z.ZodRawShape;
  readonly read: (entry: unknown, notes: Notes) => EntryFacts;
};

/** What an entry says of its deployment. */
type EntryFacts = {
  /** Null where it says nothing of the input. */
  readonly inputSchema: JsonObject | null;
  /** Where in the entry a place in that schema stands; by default in `inputSchema`. */
  readonly toEntryPath?: (path: InputPath) => InputPath;
  /** What is POSTed for an input; by default the input. */
  readonly toBody?: (input: JsonObject) => JsonObject;
  /** The built-in model whose profile holds. */
  readonly model?: string | null;
  /** The parts of an output whose files are the result; null is all. */
  readonly outputs?: readonly string[] | null;
};
