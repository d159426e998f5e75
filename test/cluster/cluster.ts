import { fileURLToPath } from "node:url";

import pg from "pg";

import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import type { GatewayProcess } from "../support/spawn-gateway.ts";
import { spawnGateway } from "../support/spawn-gateway.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { startFront } from "./front.ts";

export type Cluster = Awaited<ReturnType<typeof startCluster>>;

/** A gateway of the cluster. */
export type Member = { readonly url: string; readonly process: GatewayProcess };

const CLOCK = fileURLToPath(new URL("shift-clock.ts", import.meta.url));
/** The gateway's own times, for what is promised in seconds. */
export const DEFAULT_TIMES = { LOG_LEVEL: "info" };

/** Settings short enough that a test sees them pass. */
export const SHORT_TIMES = {
  SUBMIT_TIMEOUT_SECONDS: "3",
  SUBMIT_MARGIN_SECONDS: "1",
  OUTAGE_BACK_OFF_SECONDS: "2",
  LOG_LEVEL: "info",
};

/**
 * Starts gateways as processes, behind one front, on one Postgres and one faulty upstream; both can be cut off from them.
 * The database is empty, `environment` adds to what the gateways get, and `program` is a copy to run.
 */
export async function startCluster({
  databaseUrl,
  gateways,
  program: folder,
  environment = SHORT_TIMES,
}: {
  readonly databaseUrl: string;
  readonly gateways: number;
  readonly program: string;
  readonly environment?: Readonly<Record<string, string>>;
}) {
  await using opened = new AsyncDisposableStack();
  const upstream = opened.use(await startFaultyUpstream());
  const upstreamLink = opened.adopt(await startTcpProxy(upstream), (link) => link.close());
  const linkedUrl = new URL(databaseUrl);
  const databasePort = Number(linkedUrl.port);
  const databaseLink = opened.adopt(await startTcpProxy({ port: databasePort }), (link) =>
    link.close(),
  );
  linkedUrl.port = String(databaseLink.port);
  const database = opened.adopt(new pg.Pool({ connectionString: databaseUrl, max: 4 }), (pool) =>
    pool.end(),
  );
  // The pool replaces a connection that the server ended; whoever was using it is told so.
  database.on("error", () => undefined);
  const front = opened.adopt(await startFront(), (one) => one.close());
  const processes = opened.adopt(new Set<GatewayProcess>(), async (all) => {
    await Promise.all([...all].map((one) => one.end()));
  });
  let members: readonly Member[] = [];

  function setMembers(next: readonly Member[]): void {
    members = next;
    front.setBackEnds(next.map(({ url }) => url));
  }

  /** Starts one more. */
  async function add({ clockShiftSeconds = 0 } = {}): Promise<Member> {
    const process = spawnGateway(
      {
        RUNCOMFY_BASE_URL: `http://127.0.0.1:${upstreamLink.port}`,
        RUNCOMFY_API_TOKEN: upstream.token,
        DATABASE_URL: linkedUrl.href,
        ...environment,
        ...(clockShiftSeconds !== 0 && {
          NODE_OPTIONS: `--import ${CLOCK}`,
          CLOCK_SHIFT_SECONDS: String(clockShiftSeconds),
        }),
      },
      { folder },
    );
    processes.add(process);
    const member = { url: await process.url, process };
    setMembers([...members, member]);
    return member;
  }

  for (let started = 0; started < gateways; started++) await add();
  const resources = opened.move();
  return {
    /** The origin of the front. */
    url: front.url,
    /** Not by way of the proxy, so that the truth can be read at any time. */
    database,
    databaseLink,
    upstream,
    upstreamLink,
    /** Those that the front knows, oldest first. */
    members: () => members,
    add,
    /** Ends one by a signal. Before it asks one to stop it takes it from the front; a killed one the front has to notice. */
    async remove(member: Member, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
      const others = members.filter((one) => one !== member);
      if (signal === "SIGTERM") setMembers(others);
      await member.process.kill(signal);
      setMembers(others);
      processes.delete(member.process);
    },
    /** Lets every job that the upstream has accepted end well. */
    async finishJobs(): Promise<void> {
      const { rows } = await database.query<{ request_id: string }>(
        "select request_id from jobs where request_id is not null and finished_at is null",
      );
      for (const { request_id: requestId } of rows) {
        upstream.finish(requestId, { output: { images: [] } });
      }
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
