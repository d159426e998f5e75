import type { Mutant } from "../../simulation/mutants.ts";

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "a webhook's claim that keeps nobody else off": [10, [/ and \$\{\w+\}/, ""]],
  "a failed delivery that is not made again": [7, [/= \w+ \?/, "= true ?"]],
  "files of a job that are delivered before its end": [
    31,
    [/number < \w+\.number/, "$& - 1000000"],
  ],
};
