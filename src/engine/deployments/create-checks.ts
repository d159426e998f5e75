import { createContext, Script } from "node:vm";

import type { InputIssue, InputPath, Spelling } from "../job/input.ts";
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";
import type { InputCheck, ObjectShape, OutputContract, Shape } from "./catalogue.ts";
import { createCompile } from "./compile-schema.ts";
import { explainErrors } from "./explain-errors.ts";
import type { SchemaDocument } from "./json-schema.ts";
import { type ModelProfile, toGridText } from "./model-profile.ts";
import { didYouMean, nearMisses, orList } from "./near-misses.ts";

const MAX_WARNINGS = 50;

/** Any check of a sensible input takes far less. */
const MAX_CHECK_MS = 1_000;

/** What is known of a deployment's input beside its schema. */
type Known = {
  /** Null where GraphQL knows no field of it. */
  readonly shape: ObjectShape | null;
  /** Null where nobody named it. */
  readonly model: ModelProfile | null;
};

/** The checks of one catalogue. A schema is compiled when it is first used, so that a start costs nothing. */
export function createChecks() {
  const compile = createCompile();
  return {
    /** At most 50 issues and 50 warnings. */
    inputCheck(document: SchemaDocument, known: Known): InputCheck {
      const validator = compile(document, "input");
      const { model } = known;
      return (input, spell) => {
        const refuse = (issues: readonly InputIssue[]) => ({ issues, warnings: [] });
        try {
          // Compiled outside of the limit: an Ajv that is stopped there stays broken.
          const validate = validator();
          const failures = model === null ? [] : findFailures(input, model, spell);
          const issues = withinLimit(() =>
            explainErrors(validate(input), { input, spell, known: failures }),
          );
          if (issues === null) return refuse([TOO_MUCH_WORK]);
          if (issues.length > 0) return refuse(issues);
          return { issues: [], warnings: findWarnings(input, known, spell) };
        } catch {
          return refuse([FAILED]);
        }
      };
    },
    /** Any URL will do. */
    outputCheck(document: SchemaDocument): OutputContract["accepts"] {
      const validator = compile(document, "output");
      return (output) => {
        try {
          const validate = validator();
          return withinLimit(() => validate(output))?.length === 0;
        } catch {
          return false;
        }
      };
    },
  };
}

const TOO_MUCH_WORK: InputIssue = {
  path: [],
  message: "takes too much work to check; make it smaller or less deep",
};
/** Ajv itself may make a mistake. To send what was not checked could cost what the schema was to prevent. */
const FAILED: InputIssue = { path: [], message: "can't be checked as it is; try another input" };

const CONTEXT: { run: () => unknown } = { run: () => null };
createContext(CONTEXT);
const RUN = new Script("run()");

/**
 * What `run` gives, or null when it was stopped after a second: a schema that refers to itself from two alternatives
 * doubles the work with each level of a small input, and a pattern such as `^(\w+\s?)*$` with each letter.
 */
function withinLimit<Result extends object>(run: () => Result): Result | null {
  CONTEXT.run = run;
  try {
    // Only a script can be stopped from outside, with all that it calls.
    return RUN.runInContext(CONTEXT, { timeout: MAX_CHECK_MS });
  } catch (error) {
    // Its class may be that of the script's own realm.
    if (Object(error).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return null;
    throw error;
  } finally {
    CONTEXT.run = () => null;
  }
}

/** What will happen to an input silently: what its model makes of it, and that unknown members are sent. At most 50. */
function findWarnings(input: JsonObject, { shape, model }: Known, spell: Spelling): InputIssue[] {
  const effects = model === null ? [] : findEffects(input, model, spell);
  const whole = shape && ({ kind: "object", object: shape, isNullable: false } as const);
  const unknown = whole === null ? [] : findUnknown(input, whole, [], spell);
  return [...effects, ...Iterator.from(unknown).take(MAX_WARNINGS - effects.length)];
}

function* findUnknown(
  value: JsonValue,
  shape: Shape,
  path: InputPath,
  spell: Spelling,
): Generator<InputIssue, void> {
  if (shape.kind === "list" && isJsonArray(value)) {
    for (const [index, item] of value.entries()) {
      yield* findUnknown(item, shape.item, [...path, index], spell);
    }
  }
  if (shape.kind !== "object" || !isJsonObject(value)) return;
  const { fields, isOpen } = shape.object;
  for (const [name, member] of Object.entries(value)) {
    const at = [...path, name];
    const field = fields.find((one) => one.name === name);
    if (field !== undefined) {
      yield* findUnknown(member, field.shape, at, spell);
    } else if (!isOpen) {
      const spelled = String(spell(at).at(-1));
      const known = fields.map((one) => String(spell([...path, one.name]).at(-1)));
      const suggestion = didYouMean(nearMisses(spelled, known));
      const message = `${spelled} is not known here and is sent as it is${suggestion}`;
      yield { path: spell(at), message };
    }
  }
}

/** What a model surely fails at, after time that was paid for. */
function findFailures(
  { num_frames: frames, fps, resolution }: JsonObject,
  { name, video, resolutions }: ModelProfile,
  spell: Spelling,
): InputIssue[] {
  const failures: [string, string][] = [];
  if (video !== null && typeof frames === "number" && frames < video.leastFrames)
    failures.push(["num_frames", `at least ${video.leastFrames}`]);
  if (video?.hasFixedFps === true && typeof fps === "number" && fps !== video.fps)
    failures.push(["fps", String(video.fps)]);
  if (typeof resolution === "string" && !resolutions.includes(resolution))
    failures.push(["resolution", orList(resolutions.map((one) => JSON.stringify(one)))]);
  return failures.map(([member, allowed]) => {
    const message = `must be ${allowed}, or left out: ${name} fails otherwise`;
    return { path: spell([member]), message };
  });
}

/** What a model silently makes of an input. */
function findEffects(input: JsonObject, model: ModelProfile, spell: Spelling): InputIssue[] {
  const effects = [
    ...["width", "height"].map((name) => [name, describeSize(input[name], model)] as const),
    ["num_frames", describeFrames(input["num_frames"], model)] as const,
    ...model.ignored.map((name) => [name, describeIgnored(name, input[name], model)] as const),
  ];
  return effects.flatMap(([member, effect]) => {
    const path = spell([member]);
    return effect === null ? [] : [{ path, message: `${path.at(-1)} ${effect}` }];
  });
}

function describeSize(size: JsonValue | undefined, { divisor }: ModelProfile): string | null {
  if (!isInteger(size) || size % divisor === 0) return null;
  const floored = Math.floor(size / divisor) * divisor;
  return `${size} is rounded down to ${floored}, a multiple of ${divisor}`;
}

function describeFrames(
  frames: JsonValue | undefined,
  { name, video }: ModelProfile,
): string | null {
  if (video === null || !isInteger(frames)) return null;
  const { step, first } = video;
  const over = (frames - first) % step;
  if (over === 0) return null;
  const instead = over < 0 ? `the least is ${first}` : `the next below is ${frames - over}`;
  return `${frames} does not fit ${name}, which makes ${toGridText(video)} frames; ${instead}`;
}

function describeIgnored(
  member: string,
  value: JsonValue | undefined,
  { name, guidanceScale }: ModelProfile,
): string | null {
  const idle: readonly unknown[] = [undefined, null, member === "neg" ? "" : guidanceScale];
  return idle.includes(value) ? null : `has no effect with ${name}; leave it out`;
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}
