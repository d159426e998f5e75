import { z } from "zod";

const SETTINGS = z.object({
  SANDBOX_PORT: z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .refine((port) => port <= 65_535)
    .default(4_001),
  SANDBOX_SPEED: z
    .string()
    .regex(/^\d+(\.\d+)?$/)
    .transform(Number)
    .refine((speed) => speed >= 0.01 && speed <= 1_000)
    .default(1),
  SANDBOX_DATA: z.string().default("data/sandbox"),
});

const RULES: Readonly<Record<string, string>> = {
  SANDBOX_PORT: "must be a port, from 0 (a free one) to 65535",
  SANDBOX_SPEED: "must be a number from 0.01 to 1000",
  SANDBOX_DATA: "must be a folder's path",
};

/** The sandbox's own settings; a blank value counts as unset. Throws one error that lists every wrong value. */
export function loadSandboxSettings(environment: NodeJS.ProcessEnv): {
  readonly port: number;
  readonly speed: number;
  readonly dataFolder: string;
} {
  const given = Object.entries(environment).filter(([, value]) => value?.trim() !== "");
  const parsed = SETTINGS.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    const names = new Set(parsed.error.issues.map((issue) => String(issue.path[0])));
    const lines = [...names].map(
      (name) => `  ${name} ${RULES[name] ?? "is wrong"}, not ${JSON.stringify(environment[name])}`,
    );
    throw new Error(["The sandbox can't start:", ...lines].join("\n"));
  }
  const { SANDBOX_PORT: port, SANDBOX_SPEED: speed, SANDBOX_DATA: dataFolder } = parsed.data;
  return { port, speed, dataFolder };
}
