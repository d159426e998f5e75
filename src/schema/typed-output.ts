import type { Catalogue } from "../deployments/catalogue.ts";
import type { JsonObject } from "../job/json.ts";
import { isJsonObject } from "../job/json.ts";
import type { Builder } from "./builder.ts";
import type { GeneratedTypes } from "./generated-types.ts";
import { readOutput } from "./job.ts";

/** Adds `Job.typedOutput` if the shape of any deployment's output is known. */
export function addTypedOutput(
  builder: Builder,
  { catalogue, types }: { readonly catalogue: Catalogue; readonly types: GeneratedTypes },
): void {
  const shapes = catalogue.deployments.flatMap(({ output }) => output?.shape ?? []);
  if (shapes.length === 0) return;

  /** Beside the outputs, which may have a `__typename` of their own. */
  const typeNames = new WeakMap<JsonObject, string>();
  const typedOutput = builder.unionType("TypedOutput", {
    description: "The output of a deployment that has an `outputSchema`.",
    types: shapes.map(types.toOutputType),
    resolveType: (output) => typeNames.get(output),
  });

  builder.objectField("Job", "typedOutput", (t) =>
    t.field({
      type: typedOutput,
      nullable: true,
      description:
        "The output as its deployment's type. Null until SUCCEEDED, and when the deployment has no `outputSchema` or the output does not fit it or can't be checked: `output` has it all the same.",
      resolve: async (job, _arguments, context) => {
        const contract = catalogue.find(job.deploymentId)?.output ?? null;
        const output = await readOutput(job, context);
        if (contract === null || !isJsonObject(output) || !contract.accepts(output)) return null;
        typeNames.set(output, contract.shape.typeName);
        return output;
      },
    }),
  );
}
