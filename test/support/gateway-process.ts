import { rmSync } from "node:fs";

import { inject, onTestFinished } from "vitest";

import type { GatewayProcess } from "./spawn-gateway.ts";
import { copyProgram, linkProgram, spawnGateway } from "./spawn-gateway.ts";

/**
 * Runs the program with these variables and no others, on free ports unless they name some; `command` for another way
 * than `node src/main.ts`, `folder` for a certain folder. What is left of it is killed when the test ends.
 */
export function runGateway(
  environment: Readonly<Record<string, string>>,
  options: { readonly command?: readonly string[]; readonly folder?: string } = {},
): GatewayProcess {
  const gateway = spawnGateway(environment, {
    ...options,
    folder: options.folder ?? linkProject(),
  });
  onTestFinished(() => gateway.end()); // Its folders are deleted next.
  return gateway;
}

/** A folder of its own that runs the run's copy of the program; deleted when the test has ended. */
export function linkProject(): string {
  return deleteLater(linkProgram(inject("programFolder")));
}

/** A copy of the program in a folder of its own, for a test that writes a `.env`; deleted when the test has ended. */
export function copyProject(): string {
  return deleteLater(copyProgram(inject("programFolder")));
}

function deleteLater(folder: string): string {
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
