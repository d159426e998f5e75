import Plot from "uplot";
import "uplot/dist/uPlot.min.css";

import type { Run } from "./charted-run";

const FONT = "12px system-ui, sans-serif";
/** In seconds: what people count in, up to a day. */
const STEPS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 43_200,
  86_400,
];

export type Chart = {
  show(runs: readonly Run[]): void;
  destroy(): void;
};

/** A column for each run: how long it waited below, and how long it ran on top of that. `onPoint` hears which one is pointed at. */
export function drawRunTimes(
  element: HTMLElement,
  first: readonly Run[],
  onPoint: (index: number | null) => void,
): Chart {
  let runs = first;
  const [wait, run, text, line] = ["--faint", "--accent", "--faint", "--line"].map((name) =>
    resolveColor(element, name),
  );
  const bars = Plot.paths.bars?.({ size: [0.8, 28] });
  const column = { paths: bars, points: { show: false }, width: 1 };
  const axis = { stroke: text, font: FONT, ticks: { show: false } };
  const plot = new Plot(
    {
      width: element.clientWidth,
      height: element.clientHeight,
      legend: { show: false },
      padding: [8, 4, 0, 0],
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: () => [-0.6, Math.max(runs.length, 10) - 0.4] },
        y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          space: 90,
          incrs: [1, 2, 5, 10, 20, 25, 50],
          values: (_, splits) => splits.map((index) => tellMoment(runs, index)),
        },
        {
          ...axis,
          grid: { stroke: line, width: 1 },
          size: 56,
          space: 36,
          incrs: STEPS,
          values: (_, splits) => splits.map(tellTick),
        },
      ],
      series: [{}, { ...column, fill: run, stroke: run }, { ...column, fill: wait, stroke: wait }],
      hooks: {
        setCursor: [
          ({ cursor: { idx, left } }) =>
            onPoint(left !== undefined && left >= 0 && idx != null ? idx : null),
        ],
      },
    },
    toData(runs),
    element,
  );
  const observer = new ResizeObserver(() =>
    plot.setSize({ width: element.clientWidth, height: element.clientHeight }),
  );
  observer.observe(element);

  return {
    show(next) {
      runs = next;
      plot.setData(toData(runs));
    },
    destroy() {
      observer.disconnect();
      plot.destroy();
    },
  };
}

/** The column of the wait is drawn over that of both together. */
function toData(runs: readonly Run[]): [number[], number[], number[]] {
  return [
    runs.map((_, index) => index),
    runs.map(({ waited, ran }) => waited + ran),
    runs.map(({ waited }) => waited),
  ];
}

/** A canvas knows no variables. */
function resolveColor(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function tellTick(seconds: number): string {
  const [length, unit] =
    seconds < 120
      ? ([1, "s"] as const)
      : seconds < 7_200
        ? ([60, "min"] as const)
        : ([3_600, "h"] as const);
  return `${Number((seconds / length).toFixed(1))} ${unit}`;
}

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DAY_MS = 86_400_000;

/** The time, or the day where the runs are of several. */
function tellMoment(runs: readonly Run[], index: number): string {
  const [oldest, run, newest] = [runs[0], runs[index], runs.at(-1)];
  if (!oldest || !run || !newest) return "";
  const isLong = Date.parse(newest.at) - Date.parse(oldest.at) > DAY_MS;
  return (isLong ? DAY : TIME).format(new Date(run.at));
}
