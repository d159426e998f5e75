import type { Catalogue, Deployment } from "../deployments/catalogue.ts";
import { isIdentifier } from "../job/identifier.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Builder } from "./builder.ts";
import type { JobConnectionRef } from "./job-connection.ts";
import { listJobs } from "./list-jobs.ts";

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
    loadWithoutCache: (id, { store }) => findDeployment(catalogue, store, id),
    fields: (t) => ({
      name: t.exposeString("name", {
        description: "For people; the id where the gateway was given no name.",
      }),
      description: t.exposeString("description", {
        nullable: true,
        description: "What it is good for, in a sentence; null when the gateway was told nothing.",
      }),
      inputSchema: t.expose("inputSchema", {
        type: "JSON",
        nullable: true,
        description:
          "The JSON Schema of a job's `input`, e.g. to draw a form; null when the gateway was given none.",
      }),
      outputSchema: t.expose("outputSchema", {
        type: "JSON",
        nullable: true,
        description: "The JSON Schema of a job's `output`; null when the gateway was given none.",
      }),
      jobs: t.connection(
        {
          type: "Job",
          description: "The jobs of this deployment, newest first, a page at a time.",
          resolve: ({ id }, page, { store }) => listJobs(store, { deploymentId: id }, page),
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
        "The deployment with this id; null when it is not in the gateway's catalogue or, without a catalogue, when no job names it.",
      args: {
        id: t.arg.id({
          required: true,
          description: "The vendor's id, as its dashboard shows it.",
        }),
      },
      resolve: (_root, { id }, { store }) => findDeployment(catalogue, store, id),
    }),
    deployments: t.field({
      type: ["Deployment"],
      description:
        "The gateway's catalogue in its own order or, without a catalogue, every deployment that a job names, by id.",
      resolve: async (_root, _arguments, { store }) =>
        catalogue?.deployments ?? (await store.listDeploymentIds()).map(toUnlisted),
    }),
  }));
}

/** The deployment that a job names, whether it is listed or not. */
export function toDeployment(catalogue: Catalogue, id: string): Deployment {
  return catalogue?.find(id) ?? toUnlisted(id);
}

async function findDeployment(
  catalogue: Catalogue,
  store: JobStore,
  id: string,
): Promise<Deployment | null> {
  if (catalogue !== null) return catalogue.find(id);
  return isIdentifier(id) && (await store.hasDeployment(id)) ? toUnlisted(id) : null;
}

function toUnlisted(id: string): Deployment {
  return { id, name: id, description: null, inputSchema: null, outputSchema: null };
}
