import { DeploymentNotFoundError } from "../../engine/job/errors.ts";
import type { DeploymentPause } from "../../engine/store/paused-deployments.ts";
import { pauseDeployment, resumeDeployment } from "../../engine/use-cases/pause-deployments.ts";
import type { Builder } from "./builder.ts";

/** Adds what pauses deployments, and shows it. */
export function addPauseDeployment(builder: Builder): void {
  const pause = builder.objectRef<DeploymentPause>("DeploymentPause").implement({
    description: "An operator lets a deployment take no jobs for now.",
    fields: (t) => ({
      reason: t.exposeString("reason", { description: "Why, in the operator's words." }),
      since: t.expose("since", { type: "DateTime", description: "When it was paused." }),
    }),
  });

  builder.objectField("Deployment", "paused", (t) =>
    t.field({
      type: pause,
      nullable: true,
      description:
        "Set while an operator has paused it: submits to it are refused as DEPLOYMENT_PAUSED. Null if it isn't paused.",
      resolve: ({ id }, _arguments, { reads }) => reads.deploymentPauses.load(id),
    }),
  );

  builder.mutationFields((t) => {
    const id = t.arg.id({ required: true, description: "The deployment's `id`." });
    return {
      pauseDeployment: t.field({
        type: "Deployment",
        description:
          "Pauses a deployment for everybody, on all gateways: from then on, submits to it are refused. What has been submitted goes on. If it is paused already, only the reason changes. Needs the scope `operate`.",
        args: {
          id,
          reason: t.arg.string({
            required: true,
            description: "Why, for everybody to read: one line of 1 to 500 characters.",
          }),
        },
        errors: {
          types: [DeploymentNotFoundError],
          union: {
            name: "PauseDeploymentResult",
            description: "The paused deployment, or why it was not paused.",
          },
          result: {
            name: "PauseDeploymentSuccess",
            description: "The deployment takes no jobs for now.",
          },
          dataField: { name: "deployment", description: "The deployment, with its `paused`." },
        },
        resolve: (_root, given, context) => pauseDeployment(context, given.id, given.reason),
      }),

      resumeDeployment: t.field({
        type: "Deployment",
        description:
          "Ends what `pauseDeployment` began, no matter who paused it. A deployment that isn't paused stays as it is. Needs the scope `operate`.",
        args: { id },
        errors: {
          types: [DeploymentNotFoundError],
          union: {
            name: "ResumeDeploymentResult",
            description: "The deployment, or why it was not resumed.",
          },
          result: {
            name: "ResumeDeploymentSuccess",
            description: "The deployment isn't paused any more.",
          },
          dataField: { name: "deployment", description: "The deployment as it is now." },
        },
        resolve: (_root, given, context) => resumeDeployment(context, given.id),
      }),
    };
  });
}
