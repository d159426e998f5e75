import { rmSync } from "node:fs";

import { onTestFinished } from "vitest";

import type { GatewayProcess } from "./spawn-gateway.ts";
import { copyProgram, spawnGateway } from "./spawn-gateway.ts";

/**
 * Runs the program with these variables and no others, on free ports unless they name some; `command` for another way
 * than `node src/main.ts`, `folder` for a certain copy of the project. What is left of it is killed when the test ends.
 */
export function runGateway(
  environment: Readonly<Record<string, string>>,
  options: { readonly command?: readonly string[]; readonly folder?: string } = {},
): GatewayProcess {
  const gateway = spawnGateway(environment, {
    ...options,
    folder: options.folder ?? copyProject(),
  });
  onTestFinished(() => gateway.end()); // Its folders are deleted next.
  return gateway;
}

/** A copy of the program in a folder of its own, with a place for another `.env`; deleted when the test has ended. */
export function copyProject(): string {
  const folder = copyProgram();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
