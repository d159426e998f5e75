import { loadConfig, readEnvironment } from "./config/load-config.ts";
import { createLog } from "./create-log.ts";
import { loadCatalogue } from "./deployments/load-catalogue.ts";
import { findDeploymentsFile, startUpstream } from "./start-upstream.ts";

const TOKEN = "sandbox";

try {
  const config = loadConfig({ ...readEnvironment(process.env), UPSTREAM: "sandbox" });
  const log = createLog({ output: process.stderr, level: config.logLevel });
  const file = findDeploymentsFile(config);
  const entries = file === null ? [] : (await loadCatalogue(file)).entries;
  const { baseUrl, close } = await startUpstream(config, { entries, token: TOKEN, log });
  console.log(`The sandbox answers like RunComfy at ${baseUrl}`);
  console.log("Point a gateway at it with:");
  console.log(`  RUNCOMFY_BASE_URL=${baseUrl} RUNCOMFY_API_TOKEN=${TOKEN} npm start`);
  const stop = () => void close().then(() => process.exit(0));
  process.on("SIGTERM", stop).on("SIGINT", stop);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
