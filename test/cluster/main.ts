import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { startSandbox } from "runcomfy-sandbox";

import { ROOT } from "../support/pages.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { copyProgram, spawnGateway } from "../support/spawn-gateway.ts";
import { startFront } from "./front.ts";

// `npm run cluster`: a Postgres, the sandbox, three gateways and a front, until Ctrl-C; `-- --port 4000` for the front's.
const GATEWAYS = 3;
const TOKEN = "sandbox";

const { values } = parseArgs({ options: { port: { type: "string", default: "4000" } } });
const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`--port must be a port, from 0 (a free one) to 65535, not ${values.port}.`);
  process.exit(1);
}

const stopped = Promise.withResolvers<void>();
let isStopping = false;
{
  await using opened = new AsyncDisposableStack();
  const folder = opened.adopt(copyProgram(), (path) =>
    rmSync(path, { recursive: true, force: true }),
  );
  const postgres = opened.adopt(await startPostgres(), (server) => server.stop());
  // The library that starts Postgres would end this process at a signal, before the rest is closed.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.removeAllListeners(signal).on(signal, () => stopped.resolve());
  }
  const sandbox = opened.adopt(
    await startSandbox({ port: 0, token: TOKEN, speed: 1, dataFolder: null }),
    (one) => one.close(),
  );
  const front = opened.adopt(
    await startFront(port).catch((error: unknown) => {
      throw new Error(`Port ${port} can't be had; name another: npm run cluster -- --port 4100`, {
        cause: error,
      });
    }),
    (one) => one.close(),
  );
  const origins: string[] = [];
  for (let started = 1; started <= GATEWAYS; started++) {
    const gateway = opened.adopt(
      spawnGateway(
        {
          DATABASE_URL: postgres.url,
          RUNCOMFY_BASE_URL: sandbox.url,
          RUNCOMFY_MODEL_URL: sandbox.url,
          RUNCOMFY_API_TOKEN: TOKEN,
          DEPLOYMENTS_FILE: join(ROOT, "sandbox/src/deployments.json"),
        },
        { folder },
      ),
      (one) => one.end(),
    );
    origins.push(await gateway.url);
    console.log(`Gateway ${started}  ${origins.at(-1)}  kill -9 ${gateway.pid}`);
    void gateway.exit.then(() =>
      console.log(
        `Gateway ${started} has ended${isStopping ? "" : "; within 10 s its jobs go on at the others"}.`,
      ),
    );
  }
  front.setBackEnds(origins);
  console.log(`GraphiQL   ${front.url}/graphql  by turns from each of them; Ctrl-C ends all

Submit a job in GraphiQL and watch it. Then kill a gateway with the command beside it, in another
terminal: its jobs go on within 10 s, and their watchers are connected to another gateway.`);
  await stopped.promise;
  isStopping = true;
}
process.exit(0);
