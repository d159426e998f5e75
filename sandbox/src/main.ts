#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { z } from "zod";

const USE = `Use it like this: npx --no -- runcomfy-sandbox --port 4001 --fault lost-answer:submit*1

  --port 4001                its port; 0 takes a free one
  --token sandbox            the API token that it accepts
  --speed 1                  how many times faster than real time it runs jobs, 0.01 to 1000
  --data FOLDER              keeps jobs in this folder; without it, in memory
  --deployments FILE         what it runs, {"deployments":[{"id","kind","name","inputSchema"}]}; without it, its own
  --files-expire-seconds N   how long after a job's end its files are there; without it, 7 days
  --fault NAME               what calls fall into; you may give several, and README.md lists them

Each but --fault is a variable too, such as SANDBOX_PORT.`;

const STRING = { type: "string" } as const;
const OPTIONS = {
  port: STRING,
  token: STRING,
  speed: STRING,
  data: STRING,
  deployments: STRING,
  "files-expire-seconds": STRING,
  fault: { type: "string", multiple: true },
  help: { type: "boolean" },
} as const;
const SETTINGS = z.object({
  port: z.coerce.number().int().min(0).max(65_535).default(4_001),
  token: z.string().min(1).default("sandbox"),
  speed: z.coerce.number().min(0.01).max(1_000).default(1),
  data: z.string().min(1).nullable().default(null),
  deployments: z.string().optional(),
  "files-expire-seconds": z.coerce.number().positive().default(604_800),
  fault: z.array(z.string()).default([]),
  help: z.boolean().default(false),
});
const FILE = z.object({ deployments: z.array(z.unknown()) });

try {
  const { help, ...settings } = readSettings();
  if (help) console.log(USE);
  else await start(settings);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function start(settings: Omit<z.infer<typeof SETTINGS>, "help">): Promise<void> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 24 || (major === 24 && minor < 9))
    throw new Error(
      `runcomfy-sandbox needs Node 24.9 or newer, and this is ${process.versions.node}. Get it from https://nodejs.org, then run this again.`,
    );
  // Only here, as an older Node has no node:sqlite.
  const { startSandbox } = await import("./sandbox.ts");
  const { port, token, speed, data: dataFolder, fault: faults, deployments } = settings;
  const { url, close } = await startSandbox({
    ...{ port, token, speed, dataFolder, faults },
    deployments: deployments === undefined ? undefined : readDeployments(deployments),
    filesExpireSeconds: settings["files-expire-seconds"],
    log: { error: ({ err }, message) => console.error(message, err) },
  }).catch((cause: unknown) => {
    const isTaken = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
    if (!isTaken) throw cause;
    throw new Error(`Port ${port} is taken. Name another one with --port.`, { cause });
  });
  console.log(`The sandbox answers like RunComfy at ${url}`);
  console.log("Point a gateway, or anything else that calls RunComfy, at it with:");
  console.log(`  RUNCOMFY_BASE_URL=${url} RUNCOMFY_MODEL_URL=${url} RUNCOMFY_API_TOKEN=${token}`);
  const stop = () => void close().then(() => process.exit(0));
  process.on("SIGTERM", stop).on("SIGINT", stop);
}

function readSettings(): z.infer<typeof SETTINGS> {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    const variables = Object.keys(OPTIONS).flatMap((name) => {
      const value = process.env[`SANDBOX_${name.toUpperCase().replaceAll("-", "_")}`];
      return value === undefined || value === "" || name === "fault"
        ? []
        : [[name, value] as const];
    });
    const { data, error } = SETTINGS.safeParse({ ...Object.fromEntries(variables), ...values });
    if (data !== undefined) return data;
    throw new Error(z.prettifyError(error));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${reason}\n\n${USE}`, { cause });
  }
}

function readDeployments(path: string): readonly unknown[] {
  try {
    return FILE.parse(JSON.parse(readFileSync(path, "utf8"))).deployments;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The deployments in ${path} can't be read: ${reason}. Correct the file.`, {
      cause,
    });
  }
}
