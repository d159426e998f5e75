import { readPage } from "./pages.ts";

/** The table of the page on models, a profile for each row. */
export function readModels() {
  const rows = readPage("docs/models.md").matchAll(/^\| `([\w.]+)` +\|((?:[^|]*\|){9})$/gm);
  return Array.from(rows, ([line, name = "", facts = ""]) => {
    const cells = facts.split("|").map((cell) => cell.trim());
    const [makes, size, divisor, sampleSteps, guidanceScale, frames = "", fps = ""] = cells;
    const [ignores = "", besides = ""] = cells.slice(7);
    const media = /^(image|video)s(, needs an image)?$/.exec(makes ?? "");
    const grid = /^(\d+) \((\d+)n \+ (\d+)(, not 1)?\)$/.exec(frames);
    const rate = /^(only )?(\d+)$/.exec(fps);
    const isVideo = media?.[1] === "video";
    if (media === null || isVideo !== (grid !== null && rate !== null)) throw new Error(line);
    return {
      name,
      needsControlImage: media[2] !== undefined,
      size: Number(size),
      divisor: Number(divisor),
      sampleSteps: Number(sampleSteps),
      guidanceScale: Number(guidanceScale),
      video:
        grid && rate
          ? {
              frames: Number(grid[1]),
              step: Number(grid[2]),
              first: Number(grid[3]),
              leastFrames: grid[4] === undefined ? 1 : 2,
              fps: Number(rate[2]),
              hasFixedFps: rate[1] !== undefined,
            }
          : null,
      ignored: toWords(ignores),
      resolutions: besides.includes('resolution: "High"') ? ["Default", "High"] : ["Default"],
      options: toWords(besides).filter((word) => /^\w+$/.test(word)),
    };
  });
}

function toWords(cell: string): string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, word = ""]) => word);
}
