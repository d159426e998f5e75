import type { Deployment, InputContract } from "../deployments/catalogue.ts";
import type { Builder } from "./builder.ts";
import { toSentence } from "./describe-field.ts";
import type { GeneratedTypes } from "./generated-types.ts";
import { IDEMPOTENCY_KEY, submit } from "./submit-job.ts";
import type { SubmitJobResultRef } from "./submit-job-result.ts";
import { toBody, toTypedPath } from "./typed-input.ts";
import { readWrittenArgument } from "./written-argument.ts";

/** Adds the mutation of one deployment, whose input is typed as far as GraphQL can say it. */
export function addSubmitDeployment(
  builder: Builder,
  options: {
    readonly deployment: Deployment;
    readonly contract: InputContract;
    readonly types: GeneratedTypes;
    readonly submitJobResult: SubmitJobResultRef;
  },
): void {
  const { deployment, contract, types, submitJobResult } = options;
  const { shape } = contract;
  const { id: deploymentId, name, description } = deployment;

  builder.mutationField(contract.submitField, (t) => {
    const common = {
      type: submitJobResult,
      scope: "jobs:submit" as const,
      description: [
        `Submits a job to ${name.toWellFormed()}, as \`submitJob\` does.`,
        ...(description === null ? [] : [toSentence(description)]),
        ...(shape?.isOpen === true
          ? ["Members that its input does not name can be sent with `submitJob`."]
          : []),
      ].join(" "),
    };
    const idempotencyKey = t.arg.string({ description: IDEMPOTENCY_KEY });
    if (shape === null) {
      return t.field({
        ...common,
        args: {
          input: t.arg({
            type: "JSON",
            required: true,
            description: "An object that fits the deployment's `inputSchema`.",
          }),
          idempotencyKey,
        },
        resolve: (_root, { input, idempotencyKey }, context) =>
          submit({ deploymentId, input, idempotencyKey: idempotencyKey ?? null }, context),
      });
    }
    return t.field({
      ...common,
      args: {
        input: t.arg({
          type: types.toInputType(shape),
          required: true,
          description: "What to run; files are given as public https URLs.",
        }),
        idempotencyKey,
      },
      resolve: (_root, { input, idempotencyKey }, context, info) =>
        submit(
          {
            deploymentId,
            input: toBody(shape, input, readWrittenArgument("input", info, context.variables)),
            idempotencyKey: idempotencyKey ?? null,
            spell: (path) => toTypedPath(shape, path),
          },
          context,
        ),
    });
  });
}
