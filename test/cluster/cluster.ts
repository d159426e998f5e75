import { fileURLToPath } from "node:url";

import pg from "pg";

import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import type { GatewayProcess } from "../support/spawn-gateway.ts";
import { spawnGateway } from "../support/spawn-gateway.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { startFront } from "./front.ts";

/** Gateways as processes, behind one front, on one Postgres and one faulty upstream; both can be cut off from them. */
export type Cluster = {
  /** The origin of the front. */
  readonly url: string;
  /** Not by way of the proxy, so that the truth can be read at any time. */
  readonly database: pg.Pool;
  readonly databaseLink: TcpProxy;
  readonly upstream: FaultyUpstream;
  readonly upstreamLink: TcpProxy;
  /** Those that the front knows, oldest first. */
  members(): readonly Member[];
  /** Starts one more; `environment` adds to what the others have. */
  add(options?: {
    readonly clockShiftSeconds?: number;
    readonly environment?: Readonly<Record<string, string>>;
  }): Promise<Member>;
  /** Ends one by a signal. Before it asks one to stop it takes it from the front; a killed one the front has to notice. */
  remove(member: Member, signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** Lets every job that the upstream has accepted end well. */
  finishJobs(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

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
  LOG_LEVEL: "warn",
};

/** Starts one on an empty database; `environment` adds to what the gateways get, `program` is a copy to run. */
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
}): Promise<Cluster> {
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

  const add: Cluster["add"] = async ({ clockShiftSeconds = 0, environment: own = {} } = {}) => {
    const process = spawnGateway(
      {
        RUNCOMFY_BASE_URL: `http://127.0.0.1:${upstreamLink.port}`,
        RUNCOMFY_API_TOKEN: upstream.token,
        DATABASE_URL: linkedUrl.href,
        ...environment,
        ...own,
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
  };

  for (let started = 0; started < gateways; started++) await add();
  const resources = opened.move();
  return {
    url: front.url,
    database,
    databaseLink,
    upstream,
    upstreamLink,
    members: () => members,
    add,
    async remove(member, signal) {
      const others = members.filter((one) => one !== member);
      if (signal === "SIGTERM") setMembers(others);
      await member.process.kill(signal);
      setMembers(others);
      processes.delete(member.process);
    },
    async finishJobs() {
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
