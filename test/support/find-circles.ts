/** The files that import themselves, also through others. `imports` has those of each file. */
export function findCircles(imports: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return [...imports.keys()].filter((path) => {
    const reached = new Set<string>();
    const open = [path];
    for (let current = open.pop(); current !== undefined; current = open.pop())
      for (const next of imports.get(current) ?? []) {
        if (!reached.has(next)) open.push(next);
        reached.add(next);
      }
    return reached.has(path);
  });
}
