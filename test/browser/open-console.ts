import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import { z } from "zod";

import { openPage } from "../support/chromium.ts";
import type { GatewayProcess } from "../support/spawn-gateway.ts";
import { runGateway } from "../support/gateway-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { takePicture } from "./open-graphiql.ts";

const FINDINGS = z.object({
  violations: z.array(
    z.object({
      id: z.string(),
      impact: z.string().nullable(),
      nodes: z.array(z.object({ html: z.string() })),
    }),
  ),
});

/**
 * The console of a gateway of its own, which runs the sandbox with these variables beside it; what it looked like in the
 * end becomes the picture `<name>-last`. Nothing but the gateway and the sandbox may be asked for, and nothing be refused
 * by the page's policy.
 */
export async function openConsole(
  name: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{
  readonly page: Page;
  readonly origin: string;
  readonly gateway: GatewayProcess;
  /** Starts the gateway again, where it was. */
  restart(): Promise<GatewayProcess>;
}> {
  const folder = await createTemporaryFolder();
  const settings = {
    DATABASE_URL: `file:${folder}/gateway.db`,
    SANDBOX_SPEED: "4",
    ...environment,
  };
  const gateway = runGateway(settings);
  const origin = await gateway.url;
  const { page, foreignRequests, errors, close } = await openPage();
  onTestFinished(async () => {
    await takePicture(page, `${name}-last`);
    await close();
    expect(foreignRequests).toEqual([]);
    expect(errors.filter((error) => /Content Security Policy/.test(error))).toEqual([]);
  });
  page.setDefaultTimeout(20_000);
  await page.goto(origin);
  return {
    page,
    origin,
    gateway,
    async restart() {
      const again = runGateway({ ...settings, PORT: new URL(origin).port });
      await again.url;
      return again;
    },
  };
}

/** What axe finds on the page as it is that keeps people out. */
export async function findBarriers(page: Page): Promise<readonly string[]> {
  // Evaluated, because the page's policy lets no script in.
  await page.evaluate(readFileSync(fileURLToPath(import.meta.resolve("axe-core")), "utf8"));
  const found = FINDINGS.parse(await page.evaluate("axe.run()"));
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}

/** Holds back what is uploaded until the returned function is called. */
export async function holdUploads(page: Page): Promise<() => void> {
  const gate = Promise.withResolvers<void>();
  await page.route("**/uploads/**", async (route) => {
    await gate.promise;
    await route.continue();
  });
  return gate.resolve;
}
