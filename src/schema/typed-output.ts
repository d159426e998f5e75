import type { Catalogue } from "../deployments/catalogue.ts";
import type { JsonObject } from "../job/json.ts";
import { isJsonObject } from "../job/json.ts";
import type { Builder } from "./builder.ts";
import type { GeneratedTypes } from "./generated-types.ts";
import { readOutput } from "./job.ts";

/** Adds `Job.typedOutput` where the shape of any deployment's output is known. */
export function addTypedOutput(
  builder: Builder,
  { catalogue, types }: { readonly catalogue: Catalogue; readonly types: GeneratedTypes },
): void {
  const shapes = catalogue.deployments.flatMap(({ output }) => output?.shape ?? []);
  if (shapes.length === 0) return;

  /** An output may have a `__typename` of its own. */
  const typeNames = new WeakMap<JsonObject, string>();
  const typedOutput = builder.unionType("TypedOutput", {
    description: "The output of a deployment whose `outputSchema` is known.",
    types: shapes.map(types.toOutputType),
    resolveType: (output) => typeNames.get(output),
  });

  builder.objectField("Job", "typedOutput", (t) =>
    t.field({
      type: typedOutput,
      nullable: true,
      description:
        "The output as a type of its deployment. Null until SUCCEEDED, where the deployment has no `outputSchema`, and where the output does not fit it or can't be checked: `output` has it all the same.",
      resolve: async (job, _arguments, context) => {
        const contract = catalogue.find(job.deploymentId)?.output ?? null;
        const output = await readOutput(job, {}, context);
        if (contract === null || !isJsonObject(output) || !contract.accepts(output)) return null;
        typeNames.set(output, contract.shape.typeName);
        return output;
      },
    }),
  );
}
