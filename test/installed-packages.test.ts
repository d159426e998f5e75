import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "..");
const NAMES = z.record(z.string(), z.string()).default({});
const PACKAGE = z.object({
  version: z.string().default(""),
  dependencies: NAMES,
  optionalDependencies: NAMES,
});
const LOCK = z.object({ packages: z.record(z.string(), PACKAGE) });

const { packages } = LOCK.parse(JSON.parse(read("package-lock.json")));
const [table = "", list = ""] = read("docs/dependencies.md").split("## The whole tree");
const directNames = Object.keys(PACKAGE.parse(JSON.parse(read("package.json"))).dependencies);
const directPaths = new Set(directNames.map((name) => find("", name)));

test("the page on dependencies tells what each package is for that package.json asks for", () => {
  const names = table
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .flatMap((line) => line.split("|")[1]?.match(/(?<=`)[^`, ]+(?=`)/g) ?? []);
  expect(new Set(names)).toEqual(new Set(directNames));
});

test("the page on dependencies lists what each package brings, as package-lock.json has it", () => {
  const listed = list.split("\n").filter((line) => line.startsWith("- "));
  expect(listed).toEqual(directNames.map(describePackage));
});

function describePackage(name: string): string {
  const path = find("", name);
  const brought = [...reach(path)].filter((one) => !directPaths.has(one)).map(toName);
  const named = [...new Set(brought)].toSorted();
  return `- ${toName(path)}${named.length > 0 ? ` brings ${named.join(", ")}` : ""}`;
}

function toName(path: string): string {
  return `${path.split("node_modules/").at(-1)} ${packages[path]?.version}`;
}

/** The paths of all that a package needs, itself too. */
function reach(start: string): ReadonlySet<string> {
  const reached = new Set([start]);
  for (const path of reached) {
    const { dependencies = {}, optionalDependencies = {} } = packages[path] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies }))
      reached.add(find(path, name));
  }
  return reached;
}

/** Where Node finds a package that is asked for at a path. */
function find(from: string, name: string): string {
  const path = `${from === "" ? "" : `${from}/`}node_modules/${name}`;
  if (path in packages) return path;
  if (from === "") throw new Error(`package-lock.json has no ${name}. Run npm install.`);
  return find(from.slice(0, Math.max(0, from.lastIndexOf("node_modules/") - 1)), name);
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}
