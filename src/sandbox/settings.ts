import { readFileSync } from "node:fs";

import { z } from "zod";

const PORT_RULE = "must be a port, from 0 (a free one) to 65535";
const SPEED_RULE = "must be a number from 0.01 to 1000";

const SETTINGS = z.object({
  SANDBOX_PORT: z.coerce.number(PORT_RULE).refine(isPort, PORT_RULE).default(4_001),
  SANDBOX_SPEED: z.coerce
    .number(SPEED_RULE)
    .min(0.01, SPEED_RULE)
    .max(1_000, SPEED_RULE)
    .default(1),
  SANDBOX_DATA: z.string().default("data/sandbox"),
  DEPLOYMENTS_FILE: z.string().transform(readDeployments).optional(),
});

const FILE = z.object(
  { deployments: z.array(z.unknown(), "it has no list of deployments") },
  "it is no object",
);

/**
 * The sandbox's own settings; a blank value counts as unset. Throws one error that lists every wrong value. `deployments`
 * are the entries of the file; undefined without one.
 */
export function loadSandboxSettings(environment: NodeJS.ProcessEnv) {
  const given = Object.entries(environment).filter(([, value]) => value?.trim() !== "");
  const parsed = SETTINGS.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => {
      const name = String(path[0]);
      return `  ${name} ${message}, not ${JSON.stringify(environment[name])}`;
    });
    throw new Error(["The sandbox can't start:", ...lines].join("\n"));
  }
  const { SANDBOX_PORT, SANDBOX_SPEED, SANDBOX_DATA, DEPLOYMENTS_FILE } = parsed.data;
  return {
    port: SANDBOX_PORT,
    speed: SANDBOX_SPEED,
    dataFolder: SANDBOX_DATA,
    deployments: DEPLOYMENTS_FILE,
  };
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 65_535;
}

function readDeployments(path: string, context: z.RefinementCtx): readonly unknown[] {
  let reason: string | undefined;
  try {
    // Some editors put a mark in front.
    const { data, error } = FILE.safeParse(
      JSON.parse(readFileSync(path, "utf8").replace(/^\uFEFF/, "")),
    );
    if (data !== undefined) return data.deployments;
    reason = error.issues[0]?.message;
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  context.addIssue(
    `must be a file such as {"deployments":[{"id":"…","name":"…"}]} (${reason}), or unset for the sandbox's own`,
  );
  return z.NEVER;
}
