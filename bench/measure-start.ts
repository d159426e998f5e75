import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { startGatewayProgram } from "./child-program.ts";
import type { Figure } from "./figure.ts";
import { median, toFigure } from "./figure.ts";

const ROUNDS = 3;

/** From the spawn of what `npm start` runs, on a database that is yet to be made, until it answers. */
export async function measureStart(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  async function start(
    name: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<number> {
    const databaseUrl = `file:${folder}/${name}/gateway.db`;
    await using gateway = await startGatewayProgram(upstream, {
      DATABASE_URL: databaseUrl,
      ...environment,
    });
    return gateway.startMs;
  }

  const withUpstream: number[] = [];
  const withSandbox: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    withUpstream.push(await start(`start-${round}`, {}));
    withSandbox.push(
      await start(`sandbox-${round}`, { RUNCOMFY_API_TOKEN: "", SANDBOX_PORT: "0" }),
    );
  }
  return [
    toFigure("start until it serves", median(withUpstream), "ms"),
    toFigure("start until it serves, with the sandbox", median(withSandbox), "ms"),
  ];
}
