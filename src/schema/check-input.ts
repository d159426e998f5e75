import type { Builder } from "./builder.ts";

/** Adds the query that says of an input what a submit would say. */
export function addCheckInput(builder: Builder): void {
  builder.objectType("InputCheck", {
    description: "What a submit would report about an input.",
    fields: (t) => ({
      issues: t.expose("issues", {
        type: ["InputIssue"],
        description: "Why a submit would be an `InvalidInputError`; empty if it would not.",
      }),
      warnings: t.expose("warnings", {
        type: ["InputWarning"],
        description: "What RunComfy would silently change in the input; empty if nothing is known.",
      }),
      input: t.field({
        type: "JSON",
        description:
          "The input as a job would keep it, which is as you gave it; empty if nothing of it can be kept. It takes as much room in the answer as `Job.input`, and fails as that does.",
        resolve: ({ input }, _arguments, { loaders }) => {
          // One text among the variables may come back hundreds of times.
          loaders.charge(Buffer.byteLength(JSON.stringify(input)));
          return input;
        },
      }),
    }),
  });

  builder.queryField("checkInput", (t) =>
    t.field({
      type: "InputCheck",
      scope: "jobs:submit",
      description:
        "Checks an input as `submitJob` does, without submitting it, for example while somebody fills in a form. An unknown deployment is a NOT_FOUND error. RunComfy may still refuse an input that passes.",
      complexity: 10,
      args: {
        deploymentId: t.arg.id({
          required: true,
          description: "The `id` of the deployment that would run it.",
        }),
        input: t.arg({
          type: "JSON",
          required: true,
          description: "The input for `submitJob`, in RunComfy's spelling (`ctrl_img_1`).",
        }),
      },
      resolve: (_root, { deploymentId, input }, { tracking, viewer }) =>
        tracking.checkInput({ deploymentId, input, viewer }),
    }),
  );
}
