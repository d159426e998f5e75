import type { Viewer } from "../auth/viewer.ts";
import type { Catalogue, Deployment } from "../deployments/catalogue.ts";
import { toUnlisted } from "../deployments/catalogue.ts";
import { isIdentifier } from "../job/identifier.ts";
import type { UpstreamList } from "../runcomfy/live-deployments.ts";
import type { Builder } from "./builder.ts";
import type { GatewayContext } from "./context.ts";
import type { JobConnectionRef } from "./job-connection.ts";
import { listJobs, toPageCost } from "./list-jobs.ts";
import { readableOwner } from "./scope.ts";

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
        description: "For people; the id where nobody has given it a name.",
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
        resolve: ({ id }, _arguments, { live }) => live.read(id),
      }),
      inputSchema: t.expose("inputSchema", {
        type: "JSON",
        nullable: true,
        complexity: 20,
        description:
          "The JSON Schema of a job's `input`, as given or made of the `model`; null when the gateway was given neither.",
      }),
      outputSchema: t.expose("outputSchema", {
        type: "JSON",
        nullable: true,
        complexity: 20,
        description: "The JSON Schema of a job's `output`; null when the gateway was given none.",
      }),
      jobs: t.connection(
        {
          type: "Job",
          description:
            "Your jobs of this deployment, newest first, a page at a time; with the scope `jobs:read:all` everybody's.",
          complexity: toPageCost,
          scope: "jobs:read",
          resolve: ({ id }, page, context) => listJobs(context, { deploymentId: id }, page),
        },
        jobConnection,
      ),
    }),
  });

  builder.queryFields((t) => ({
    deployment: t.field({
      type: "Deployment",
      scope: null,
      nullable: true,
      description: "The deployment with this id; null when `deployments` does not list it.",
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
      scope: null,
      description:
        "The deployments of the gateway's file, in its order. Without a file, or where it says that there are others, those follow that the upstream lists (for who has the scope `jobs:read:all`) and that your jobs name.",
      complexity: {
        field: 10,
        multiplier: catalogue.deployments.length + (catalogue.hasOthers ? UNLISTED_COUNT : 0),
      },
      resolve: (_root, _arguments, context) => listDeployments(catalogue, context),
    }),
  }));
}

/** The deployment that a job names, whether it is listed or not. */
export function toDeployment(
  catalogue: Catalogue,
  id: string,
  { live, viewer }: GatewayContext,
): Deployment {
  return catalogue.find(id) ?? toOther(id, seesAll(viewer) ? live.lastList() : NOTHING);
}

async function listDeployments(
  catalogue: Catalogue,
  context: GatewayContext,
): Promise<readonly Deployment[]> {
  const { deployments, hasOthers } = catalogue;
  if (!hasOthers) return deployments;
  const listed = await listUpstream(context);
  const named = await context.reads.listDeploymentIds();
  const others = new Set([...listed.keys(), ...named]);
  for (const { id } of deployments) others.delete(id);
  return [...deployments, ...[...others].map((id) => toOther(id, listed))];
}

async function findDeployment(
  catalogue: Catalogue,
  id: string,
  context: GatewayContext,
): Promise<Deployment | null> {
  const known = catalogue.find(id);
  if (known !== null || !catalogue.hasOthers || !isIdentifier(id)) return known;
  const listed = await listUpstream(context);
  const exists = listed.has(id) || (await context.reads.hasDeployment(id));
  return exists ? toOther(id, listed) : null;
}

/** What the upstream lists is all of the account's: for who reads everybody's jobs. */
async function listUpstream({ live, viewer }: GatewayContext): Promise<UpstreamList> {
  return seesAll(viewer) ? await live.list() : NOTHING;
}

function toOther(id: string, listed: UpstreamList): Deployment {
  return { ...toUnlisted(id), name: listed.get(id)?.name ?? id };
}

function seesAll(viewer: Viewer): boolean {
  return readableOwner(viewer) === undefined;
}

const NOTHING: UpstreamList = new Map();
