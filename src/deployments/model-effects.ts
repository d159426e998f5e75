import type { InputIssue, Spelling } from "../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import type { ModelProfile } from "./model-profile.ts";
import { toGridText } from "./model-profile.ts";
import { orList } from "./near-misses.ts";

/** What a model surely fails at, after time that was paid for. */
export function findFailures(
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
export function findEffects(input: JsonObject, model: ModelProfile, spell: Spelling): InputIssue[] {
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
