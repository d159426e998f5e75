import type { BodyProblem } from "./body-check.ts";
import type { Shapes } from "./output-shapes.ts";
import type { RunInput } from "./schedule.ts";

/** What requests are sent to: a deployment of a LoRA or a workflow, or a model. */
export type Target = {
  readonly id: string;
  readonly kind: "lora" | "comfyui" | "model";
  readonly name: string;
  /** What is to be run, or everything that is wrong with the body. */
  check(
    body: unknown,
  ):
    | { readonly isValid: true; readonly input: RunInput }
    | { readonly isValid: false; readonly problems: readonly BodyProblem[] };
  /** The names of the files that a run makes, from which the URLs of its result are made. */
  toFileNames(input: RunInput): readonly string[];
  /** Whether an SVG of it moves. */
  readonly isVideo: boolean;
  /** What a result has on success beside its status. */
  toOutput(run: {
    readonly input: RunInput;
    readonly urls: readonly string[];
    readonly shapes: Shapes;
  }): object;
  /** Of a workflow, where the sandbox knows its graph. */
  readonly workflow?: {
    readonly payload: object;
    readonly objectInfo: object;
    readonly readme: string;
  };
  /** What a run costs in USD, where it has a price of its own. */
  toCost?(input: RunInput): number;
};
