import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import type { ChildProgram } from "./child-program.ts";
import { PRODUCTION, startGatewayProgram, startProgram } from "./child-program.ts";
import type { Figure } from "./figure.ts";

const PROGRAMS = {
  "prepared bytes": "peers/prepared-bytes.ts",
  "stock Yoga": "peers/stock-yoga.ts",
  "mercurius-jit": "peers/mercurius-jit.ts",
} as const;

export type ServerName = keyof typeof PROGRAMS | "gateway";

/** Who is asked, in this order. */
export const SERVERS: readonly ServerName[] = [
  "prepared bytes",
  "stock Yoga",
  "mercurius-jit",
  "gateway",
];

export type PeerSettings = {
  readonly upstream: FaultyUpstream;
  readonly folder: string;
  /** The only processor core that a server may use; undefined where that can't be had. */
  readonly core: number | undefined;
  readonly rounds: number;
  /** Called before each part, which takes less than four minutes. */
  onPart(): void;
};

/** `bad` counts answers and messages that were not what they should be, or did not come. */
export type PeerFigures = { readonly figures: readonly Figure[]; readonly bad: number };

/** Yoga's own pub/sub warns of more than ten watchers. */
const PEER = { ...PRODUCTION, NODE_NO_WARNINGS: "1" };

/** Starts one of them; the gateway with this database. */
export function startServer(
  name: ServerName,
  databaseUrl: string,
  { upstream, core }: PeerSettings,
): Promise<ChildProgram> {
  return name === "gateway"
    ? startGatewayProgram(upstream, { ...PRODUCTION, DATABASE_URL: databaseUrl }, core)
    : startProgram(PROGRAMS[name], PEER, { core });
}
