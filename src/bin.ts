#!/usr/bin/env node
// What the package runs. Nothing of it is imported before the version of Node is known: an older one could not read it.
import module from "node:module";
import { join } from "node:path";

/** Limits V8's young generation: sockets take half the memory, and reads a tenth more CPU. */
const FLAG = "--max-semi-space-size=8";
const [major = ""] = process.versions.node.split(".");
const isTooOld = Number(major) < 24;
// As under npm: beside the program, where only those can write who can change it.
if (!isTooOld) module.enableCompileCache(join(import.meta.dirname, "../.cache"));
if (isTooOld) {
  console.error(
    `runcomfy-graphql needs Node 24 or newer, and this is ${process.versions.node}. Get it from https://nodejs.org, then run this again.`,
  );
  process.exitCode = 1;
} else if (process.argv[2] === "key" || process.argv[2] === "schema") {
  const [name] = process.argv.splice(2, 1);
  await (name === "key" ? import("./manage-keys.ts") : import("./print-schema.ts"));
} else if (process.argv[2] === "verify") {
  process.argv.splice(2, 1);
  await import("./verify-upstream.ts");
} else if (["add", "refresh", "search"].includes(process.argv[2] ?? "")) {
  await import("./manage-deployments.ts");
} else {
  // As `npm start` does. Not in the first line, as not every `env` splits that.
  if (process.platform !== "win32" && !process.execArgv.includes(FLAG))
    process.execve?.(process.execPath, [
      process.execPath,
      FLAG,
      ...process.execArgv,
      ...process.argv.slice(1),
    ]);
  await import("./main.ts");
}
