import type { DeploymentKind } from "../gql";
import type { Asset } from "./asset";
import type { Field } from "./fields";
import { isObject } from "./json";
import { readMembers, resolve } from "./schema";

/** What a file is given to a deployment for; the last where nobody knows what comes of it. */
export const PURPOSES = ["Vary", "Upscale", "Animate", "Use as input"] as const;

type Taker = {
  readonly id: string;
  readonly name: string;
  readonly kind: DeploymentKind;
  readonly outputSchema: unknown;
};

/** By the names of a deployment and of its outputs, and of a LoRA by how many frames it makes. */
export function purposeOf(
  { kind }: Pick<Asset, "kind">,
  taker: Taker,
  fields: readonly Field[],
): (typeof PURPOSES)[number] {
  const isSeen = kind === "IMAGE" || kind === "VIDEO";
  if (isSeen && /upscal|super.?resolution/i.test(`${taker.id} ${taker.name}`)) return "Upscale";
  const made = kind === "IMAGE" ? makesOf(taker, fields) : "";
  return made === "image" ? "Vary" : made === "video" ? "Animate" : "Use as input";
}

function makesOf({ id, kind, outputSchema }: Taker, fields: readonly Field[]): string {
  if (isObject(outputSchema)) {
    const { members } = readMembers(resolve(outputSchema, outputSchema), outputSchema);
    const kinds = members.flatMap(([name]) => /^(image|video|audio)/.exec(name)?.[1] ?? []);
    const [made = "", ...others] = new Set(kinds);
    return others.length === 0 ? made : "";
  }
  // An id of RunComfy's catalogue may say what goes in and what comes out: `wan-ai/wan-3.0/image-to-video`.
  if (kind === "MODEL") return /-to-(image|video)(?![a-z])/.exec(id)?.[1] ?? "";
  const frames = fields.find(({ name }) => name === "num_frames")?.fallback;
  if (kind !== "LORA" || typeof frames !== "number") return "";
  return frames > 1 ? "video" : "image";
}
