import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Builds the page into `dist`, unless it was built from the same sources with the same packages.
const folder = import.meta.dirname;
const stamp = join(folder, "dist", "sources.sha256");
const hash = createHash("sha256");
const sources = globSync("{index.html,*.{ts,json},{public,src}/**/*.*}", {
  cwd: folder,
}).toSorted();
const client = globSync("../client/src/*.ts", { cwd: folder }).toSorted();
for (const path of [...sources, ...client, "../tsconfig.json", "../package-lock.json"])
  hash.update(path).update(readFileSync(join(folder, path)));
const digest = hash.digest("hex");

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== digest) {
  try {
    // Vite leaves a value that is there, and a development build's first script is 15 KB larger.
    process.env["NODE_ENV"] = "production";
    const { build } = await import("vite");
    await build({ root: folder, configFile: join(folder, "vite.config.ts"), logLevel: "warn" });
    writeFileSync(stamp, digest);
  } catch (error) {
    // Its first sentence: what follows advises other commands than this project's.
    const [reason] = String(error instanceof Error ? error.message : error).split(/\.(?:\s|$)/);
    console.error(
      `The console could not be built: ${reason}. Run npm ci --include=dev with Node 20.19, 22.12 or newer, then npm run build.`,
    );
    // A start goes on with what was built before, or without a console.
    process.exitCode = process.argv.includes("--or-keep") ? 0 : 1;
  }
}
