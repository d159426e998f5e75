import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

const ROOT = join(import.meta.dirname, "..");
const NAMES = z.record(z.string(), z.string()).default({});
const PACKAGE = z.object({
  version: z.string().default(""),
  /** Of a workspace, which is linked: its folder. */
  resolved: z.string().default(""),
  link: z.boolean().default(false),
  license: z.string().default("no licence"),
  dependencies: NAMES,
  optionalDependencies: NAMES,
  peerDependencies: NAMES,
});
const LOCK = z.object({ packages: z.record(z.string(), PACKAGE) });
const HEADING = "## The whole tree";
/** Said once, as most have it. */
const USUAL_LICENSE = "MIT";

/** A package in one version; its licence is an SPDX expression. */
type Package = { readonly name: string; readonly version: string; readonly license: string };
type Shipped = {
  /** Those that `package.json` and the workspaces behind it ask for, each with what it brings. */
  readonly installed: readonly { readonly own: Package; readonly brings: readonly Package[] }[];
  /** Those that the image has too: what traces need. */
  readonly inImage: readonly Package[];
  /** Those that are built into the console's page. */
  readonly bundled: readonly Package[];
};

/** All packages that users get, by `package-lock.json`: those for other machines too. */
export function readShipped(): Shipped {
  const { packages } = LOCK.parse(
    JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")),
  );

  /** Where Node finds a package that is asked for at a path. */
  function find(from: string, name: string): string {
    const path = `${from === "" ? "" : `${from}/`}node_modules/${name}`;
    if (path in packages) return path;
    if (from === "") throw new Error(`package-lock.json has no ${name}. Run npm install.`);
    return find(from.slice(0, Math.max(0, from.lastIndexOf("node_modules/") - 1)), name);
  }

  /** The paths of all that these need, these too. */
  function reach(paths: readonly string[]): readonly string[] {
    const reached = new Set(paths);
    for (const path of reached) {
      const { dependencies, optionalDependencies } = packages[path] ?? {};
      for (const name of Object.keys({ ...dependencies, ...optionalDependencies }))
        reached.add(find(path, name));
    }
    return [...reached];
  }

  function read(path: string): Package {
    const { version = "", license = "" } = packages[path] ?? {};
    return { name: path.split("node_modules/").at(-1) ?? "", version, license };
  }

  /** What a folder asks for; for one that is linked, what that asks for. */
  function findDirect(folder: string): readonly string[] {
    return Object.keys(packages[folder]?.dependencies ?? {}).flatMap((name) => {
      const path = find(folder, name);
      const { link, resolved } = packages[path] ?? {};
      return link && resolved !== undefined ? findDirect(resolved) : [path];
    });
  }

  const direct = [...new Set(findDirect(""))].toSorted();
  const top = new Set(direct);
  const installed = direct.map((path) => ({
    own: read(path),
    brings: reach([path])
      .filter((one) => !top.has(one))
      .map(read),
  }));
  const imported = namesInConsole()
    .map((name) => find("console", name))
    .filter((path) => packages[path]?.link === false);
  const installedPaths = new Set(reach(direct));
  const inImage = Object.keys(packages[""]?.peerDependencies ?? {})
    .filter((name) => name.startsWith("@opentelemetry/"))
    .map((name) => find("", name));
  return {
    installed,
    inImage: reach(inImage)
      .filter((path) => !installedPaths.has(path))
      .map(read),
    bundled: reach(imported)
      .map(read)
      .filter(({ name }) => !REPLACED.has(name)),
  };
}

/** By Preact, in the console's `vite.config.ts`. */
const REPLACED = new Set(["react", "use-sync-external-store"]);

/** The packages whose code is imported by the console's sources, and by the client in them. */
function namesInConsole(): readonly string[] {
  const sources = globSync(["console/src/**/*.{ts,tsx}", "client/src/*.ts"], { cwd: ROOT });
  return sources.flatMap((path) => {
    const text = readFileSync(join(ROOT, path), "utf8");
    const imports = text.matchAll(/^import (?!type )[^"']*"((?:@[\w.-]+\/)?[\w-][\w.-]*)/gm);
    return [...imports].map(([, name = ""]) => name);
  });
}

/** The page on dependencies: its first part as it stands, then the tree as it is now. */
export function printPackages(page: string, { installed, inImage, bundled }: Shipped): string {
  const [head = ""] = page.split(HEADING);
  const lines = installed.map(({ own, brings }) => {
    const names = toNames(brings);
    return `- ${toName(own)}${names === "" ? "" : ` brings ${names}`}`;
  });
  return `${head}${HEADING}, with versions and licences

\`npm run codegen\` generates this list. The licence is ${USUAL_LICENSE} unless another one is named. \`node\` also installs the build for your machine (\`node-*\`).

${lines.join("\n")}

The image also has ${toNames(inImage)}.

The console's page contains ${toNames(bundled)}. Their licences are served at \`/console/licenses.md\`.
`;
}

function toNames(packages: readonly Package[]): string {
  return [...new Set(packages.map(toName))].toSorted().join(", ");
}

function toName({ name, version, license }: Package): string {
  return `${name} ${version}${license === USUAL_LICENSE ? "" : ` (${license})`}`;
}
