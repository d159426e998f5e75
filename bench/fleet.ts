import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import type { BenchPostgres } from "./bench-postgres.ts";
import type { ChildProgram } from "./child-program.ts";
import { startGatewayProgram } from "./child-program.ts";

/** Gateways that share one database. */
export type Fleet = {
  readonly databaseUrl: string;
  readonly gateways: readonly ChildProgram[];
  /** Starts some more, which the fleet then ends with the others. */
  add(count: number): Promise<readonly ChildProgram[]>;
  /** The address of each in turn, as a client that spreads its calls takes them. */
  nextUrl(): string;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts them on a new database. */
export async function startFleet(
  postgres: BenchPostgres,
  upstream: FaultyUpstream,
  count: number,
): Promise<Fleet> {
  const databaseUrl = await postgres.createDatabase();
  await using opened = new AsyncDisposableStack();
  let turn = 0;

  async function add(more: number): Promise<readonly ChildProgram[]> {
    const programs: ChildProgram[] = [];
    for (let index = 0; index < more; index++) {
      programs.push(
        resources.use(await startGatewayProgram(upstream, { DATABASE_URL: databaseUrl })),
      );
    }
    return programs;
  }

  let resources: AsyncDisposableStack = opened;
  const gateways = await add(count);
  resources = opened.move();
  return {
    databaseUrl,
    gateways,
    add,
    nextUrl() {
      turn += 1;
      return gateways[turn % gateways.length]?.url ?? "";
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
