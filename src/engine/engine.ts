import type { Config } from "../config/load-config.ts";
import type { Logger } from "pino";
import type { Catalogue } from "./deployments/catalogue.ts";
import type { Channels } from "./diagnostics/channels.ts";
import type { openFiles } from "./files/open-files.ts";
import type { UpstreamHealth } from "./runcomfy/upstream-health.ts";
import type { JobStore } from "./store/job-store.ts";

/** What runs jobs and follows them, as parts see it. */
export type Engine = {
  readonly config: Config;
  readonly catalogue: Catalogue;
  readonly store: JobStore;
  readonly channels: Channels;
  readonly files: Awaited<ReturnType<typeof openFiles>>;
  readonly health: UpstreamHealth;
  readonly log: Logger;
};
