import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { z } from "zod";

import { findModel, MODEL_NAMES, toInputSchema } from "../src/deployments/model-profile.ts";
import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import type { ChildProgram } from "./child-program.ts";
import { startGatewayProgram } from "./child-program.ts";
import type { Figure } from "./figure.ts";
import { median, toFigure } from "./figure.ts";
import { openClient } from "./http-client.ts";

const COUNTS = [0, 3, 300] as const;
const START_ROUNDS = 3;
const SETTLE_MS = 2_000;
const WARM_UP_ROUNDS = 1;
const ROUNDS = 5;
const SUBMITS = 400;
const CONNECTIONS = 16;

/** What a catalogue costs: the start and the memory by its size, and a generated mutation beside `submitJob`. */
export async function measureDeployments(
  upstream: FaultyUpstream,
  folder: string,
): Promise<Figure[]> {
  const files = new Map(COUNTS.map((count) => [count, writeCatalogue(folder, count)]));
  let databases = 0;

  function start(count: (typeof COUNTS)[number]): Promise<ChildProgram> {
    databases += 1;
    return startGatewayProgram(upstream, {
      DATABASE_URL: `file:${folder}/deployments-${databases}/gateway.db`,
      // An empty value counts as unset.
      DEPLOYMENTS_FILE: count === 0 ? "" : (files.get(count) ?? ""),
    });
  }

  const starts = new Map(COUNTS.map((count): [number, number[]] => [count, []]));
  const memories = new Map<number, number>();
  for (let round = 0; round < START_ROUNDS; round++) {
    for (const count of COUNTS) {
      await using gateway = await start(count);
      starts.get(count)?.push(gateway.startMs);
      if (round > 0) continue;
      await delay(SETTLE_MS);
      memories.set(count, gateway.readMemory());
    }
  }
  const startFigures = compare("start until it serves", "ms", (count) =>
    median(starts.get(count) ?? []),
  );
  const memoryFigures = compare("memory, idle", "MiB", (count) => memories.get(count) ?? 0);
  await using gateway = await start(300);
  return [...startFigures, ...memoryFigures, ...(await measureSubmits(upstream, gateway.url))];
}

function compare(name: string, unit: Figure["unit"], read: (count: number) => number): Figure[] {
  const base = toFigure(`${name}, no catalogue`, read(0), unit);
  return [
    base,
    ...COUNTS.slice(1).map((count) =>
      toFigure(`${name}, ${count} deployments with full schemas`, read(count), unit, base),
    ),
  ];
}

const ANSWER = z.object({
  data: z.object({ result: z.object({ job: z.object({ id: z.string() }) }) }),
});
const RESULT = "{ ... on SubmitJobSuccess { job { id } warnings { path } } }";

/** The same job by both mutations, in turns, to one gateway. */
async function measureSubmits(upstream: FaultyUpstream, url: string): Promise<Figure[]> {
  const deploymentId = "deployment-0";
  upstream.script(deploymentId, ["succeeded"]);
  using client = openClient(CONNECTIONS);
  const bodies = [
    JSON.stringify({
      query: `mutation ($id: ID!, $input: JSON!) { result: submitJob(deploymentId: $id, input: $input) ${RESULT} }`,
      variables: {
        id: deploymentId,
        input: {
          prompt: "a glow",
          ctrl_img_1: "https://example.com/a.png",
          width: 1_024,
          sample_steps: 20,
        },
      },
    }),
    JSON.stringify({
      query: `mutation ($input: Deployment0Input!) { result: submitDeployment0(input: $input) ${RESULT} }`,
      variables: {
        input: {
          prompt: "a glow",
          ctrlImg1: "https://example.com/a.png",
          width: 1_024,
          sampleSteps: 20,
        },
      },
    }),
  ];
  const durations = bodies.map((): number[] => []);
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const [index, body] of bodies.entries()) {
      ANSWER.parse(JSON.parse(await client.post(url, body)));
      const durationMs = await client.repeat(SUBMITS, async () => {
        await client.post(url, body);
      });
      if (round >= 0) durations[index]?.push(durationMs / SUBMITS);
    }
  }
  const [untyped = 0, typed = 0] = durations.map(median);
  const base = toFigure("submitJob, 300 deployments", untyped, "ms");
  return [base, toFigure("submit<Name>, 300 deployments", typed, "ms", base)];
}

/** Each a model's full schema with an output schema of its own. */
function writeCatalogue(folder: string, count: number): string {
  const path = `${folder}/deployments-${count}.json`;
  const deployments = Array.from({ length: count }, (_, index) => {
    const model = findModel(MODEL_NAMES[index % MODEL_NAMES.length] ?? "");
    if (model === null) throw new Error("There is no model.");
    return {
      id: `deployment-${index}`,
      name: `Deployment ${index}`,
      model: model.name,
      inputSchema: toInputSchema(model),
      outputSchema: {
        type: "object",
        properties: { images: { type: "array", items: { type: "string", format: "uri" } } },
        required: ["images"],
      },
    };
  });
  writeFileSync(path, JSON.stringify({ deployments }));
  return path;
}
