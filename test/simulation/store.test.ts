import { pino } from "pino";
import { describe } from "vitest";

import { describeJobStore } from "../store/job-store.contract.ts";
import { useStore } from "../store/store-context.ts";
import { DatabaseServer } from "./database.ts";
import { World } from "./world.ts";

describe("the job store on the simulated server", () => {
  const context = useStore(async (channels) => {
    const world = new World("the contract of stores");
    const server = new DatabaseServer(world, Date.now);
    await server.start(pino({ level: "silent" }));
    return {
      open: async () => server.openWithoutNetwork(channels),
      execute: async (statements) => server.execute(statements),
      async pass(ms) {
        world.nowMs += ms;
      },
    };
  });
  describeJobStore(context);
});
