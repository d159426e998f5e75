import type { Catalogue, Deployment } from "../deployments/catalogue.ts";
import { toUnlisted } from "../deployments/catalogue.ts";
import { isIdentifier } from "../job/identifier.ts";
import type { Builder } from "./builder.ts";
import type { GatewayContext } from "./context.ts";
import type { JobConnectionRef } from "./job-connection.ts";
import { listJobs, toPageCost } from "./list-jobs.ts";
import { readableJobs, readableOwner, requireScope } from "./scope.ts";

/** How many deployments a document is reckoned to get of those that are in no catalogue. */
const UNLISTED_COUNT = 100;

export function addDeployment(
  builder: Builder,
  options: { readonly catalogue: Catalogue; readonly jobConnection: JobConnectionRef },
): void {
  const { catalogue, jobConnection } = options;

  builder.node("Deployment", {
    description: "A model with its LoRA that the vendor serves, and that jobs are runs of.",
    id: {
      description: "The vendor's own id, as its dashboard shows it.",
      resolve: (deployment) => deployment.id,
    },
    loadWithoutCache: (id, context) => findDeployment(catalogue, id, context),
    fields: (t) => ({
      name: t.exposeString("name", {
        description: "For people; the id where the gateway was given no name.",
      }),
      description: t.exposeString("description", {
        nullable: true,
        description: "What it is good for, in a sentence; null when the gateway was told nothing.",
      }),
      model: t.exposeString("model", {
        nullable: true,
        description:
          "The model that the LoRA is for, e.g. `flux`; null when the gateway was told none.",
      }),
      submitField: t.string({
        nullable: true,
        description:
          "The mutation that submits to it with a typed input, e.g. `submitWarmGlow`; null when neither a schema nor a model is known.",
        resolve: ({ input }) => input?.submitField ?? null,
      }),
      inputFields: t.field({
        type: ["InputField"],
        description: "The fields of its input; empty when none is known.",
        // In memory, and cheap by the field.
        complexity: { field: 10, multiplier: 0 },
        resolve: ({ input }) => input?.shape?.fields ?? [],
      }),
      live: t.field({
        type: "LiveDeployment",
        nullable: true,
        description:
          "How the upstream runs it now, cached for 10 s; null when the upstream does not know it or can't be asked at the moment.",
        complexity: 10,
        resolve: ({ id }, _arguments, { readLiveDeployment }) => readLiveDeployment(id),
      }),
      inputSchema: t.expose("inputSchema", {
        type: "JSON",
        nullable: true,
        description:
          "The JSON Schema of a job's `input`, as given or made of the `model`; null when the gateway was given neither.",
      }),
      outputSchema: t.expose("outputSchema", {
        type: "JSON",
        nullable: true,
        description: "The JSON Schema of a job's `output`; null when the gateway was given none.",
      }),
      jobs: t.connection(
        {
          type: "Job",
          description:
            "Your jobs of this deployment, newest first, a page at a time; with the scope `jobs:read:all` everybody's.",
          complexity: toPageCost,
          resolve: ({ id }, page, { store, viewer }) => {
            requireScope(viewer, "jobs:read");
            return listJobs(store, { deploymentId: id, ...readableJobs(viewer) }, page);
          },
        },
        jobConnection,
      ),
    }),
  });

  builder.queryFields((t) => ({
    deployment: t.field({
      type: "Deployment",
      nullable: true,
      description:
        "The deployment with this id; null when it is not in the gateway's catalogue or, without a catalogue, when none of your jobs names it.",
      args: {
        id: t.arg.id({
          required: true,
          description: "The vendor's id, as its dashboard shows it.",
        }),
      },
      resolve: (_root, { id }, context) => findDeployment(catalogue, id, context),
    }),
    deployments: t.field({
      type: ["Deployment"],
      description:
        "The gateway's catalogue in its own order or, without a catalogue, every deployment that one of your jobs names, by id.",
      complexity: {
        field: 10,
        multiplier: catalogue.deployments.length + (catalogue.hasOthers ? UNLISTED_COUNT : 0),
      },
      resolve: (_root, _arguments, context) => listDeployments(catalogue, context),
    }),
  }));
}

/** The deployment that a job names, whether it is listed or not. */
export function toDeployment(catalogue: Catalogue, id: string): Deployment {
  return catalogue.find(id) ?? toUnlisted(id);
}

async function listDeployments(
  catalogue: Catalogue,
  { store, viewer }: GatewayContext,
): Promise<readonly Deployment[]> {
  const { deployments, hasOthers } = catalogue;
  if (!hasOthers) return deployments;
  const named = await store.listDeploymentIds(readableOwner(viewer));
  const others = named.filter((id) => catalogue.find(id) === null);
  return [...deployments, ...others.map(toUnlisted)];
}

async function findDeployment(
  catalogue: Catalogue,
  id: string,
  { store, viewer }: GatewayContext,
): Promise<Deployment | null> {
  const known = catalogue.find(id);
  if (known !== null || !catalogue.hasOthers || !isIdentifier(id)) return known;
  return (await store.hasDeployment(id, readableOwner(viewer))) ? toUnlisted(id) : null;
}
