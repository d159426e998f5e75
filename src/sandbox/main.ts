import { startSandbox } from "./sandbox.ts";
import { loadSandboxSettings } from "./settings.ts";

const TOKEN = "sandbox";

try {
  const { port, speed, dataFolder, deployments } = loadSandboxSettings(process.env);
  const log = {
    error: (fields: { readonly err: unknown }, message: string) =>
      console.error(message, fields.err),
  };
  const sandbox = await startSandbox({ port, token: TOKEN, speed, dataFolder, deployments, log });
  console.log(`The sandbox answers like RunComfy at ${sandbox.url}`);
  console.log("Point a gateway at it with:");
  console.log(`  RUNCOMFY_BASE_URL=${sandbox.url} RUNCOMFY_API_TOKEN=${TOKEN} npm start`);
  let isStopping = false;
  const stop = (): void => {
    // npm passes on a Ctrl-C that the terminal has sent here already.
    if (isStopping) return;
    isStopping = true;
    sandbox.close().then(
      () => process.exit(0),
      (error: unknown) => giveUp(error),
    );
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
} catch (error) {
  giveUp(error);
}

function giveUp(error: unknown): void {
  const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
  const reason = error instanceof Error ? error.message : String(error);
  console.error(isTaken ? `${reason}. Set SANDBOX_PORT to another port, or to 0.` : reason);
  process.exit(1);
}
