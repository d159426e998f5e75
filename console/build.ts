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
const client = globSync("../src/client/*.ts", { cwd: folder }).toSorted();
for (const path of [...sources, ...client, "../tsconfig.json", "../package-lock.json"])
  hash.update(path).update(readFileSync(join(folder, path)));
const digest = hash.digest("hex");

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== digest) {
  // Vite leaves a value that is there, and React's development build is a third larger.
  process.env["NODE_ENV"] = "production";
  const { build } = await import("vite");
  await build({ root: folder, configFile: join(folder, "vite.config.ts"), logLevel: "warn" });
  writeFileSync(stamp, digest);
}
