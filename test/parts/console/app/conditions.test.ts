import { expect, test } from "vitest";

import { toChosen, toQuick } from "../../../../console/src/model/conditions";
import { NO_FILTERS, readFilters, toJobFilter } from "../../../../console/src/model/filters";

const NOW = new Date(2026, 5, 16, 9).getTime();

const read = (address: string) => readFilters(new URLSearchParams(address));
const quick = (address: string) =>
  toQuick(read(address), "gallery", NOW).flatMap(({ name, isSet }) => (isSet ? name : []));
const chosen = (address: string) =>
  toChosen(read(address), (id) => `The ${id}`, NOW).map(({ name }) => name);

test("whatever an address asks for, each condition has a name, and clearing each asks for nothing", () => {
  const address =
    "status=failed&media=video&deployment=lantern&from=2026-06-01&to=2026-06-03&tag=sea&owner=ben&starred=true&text=A%20boat";
  expect([...quick(address), ...chosen(address)]).toEqual([
    "Videos",
    "Starred",
    "Failed",
    "The lantern",
    "from June 1, 2026 to June 3, 2026",
    "Tag: sea",
    "Owner: ben",
    "“A boat”",
  ]);
  const filters = read(address);
  const set = [...toQuick(filters, "gallery", NOW), ...toChosen(filters, String, NOW)];
  const changes = set.flatMap(({ isSet, change }) => (isSet ? change : []));
  expect(Object.assign({}, filters, ...changes)).toEqual(NO_FILTERS);
});

test("spans of days end today, also where the address says so, and a single day has its own name", () => {
  expect(quick("from=2026-06-16")).toEqual(["Today"]);
  expect(quick("from=2026-06-16&to=2026-06-16")).toEqual(["Today"]);
  expect(quick("from=2026-06-10&to=2026-06-16")).toEqual(["7 days"]);
  expect([quick("from=2026-06-10&to=2026-06-15"), chosen("from=2026-06-16")]).toEqual([[], []]);
  expect(chosen("from=2026-06-14&to=2026-06-14")).toEqual(["June 14, 2026"]);
  expect(chosen("from=2026-06-14")).toEqual(["from June 14, 2026"]);
  expect(chosen("to=2026-06-14")).toEqual(["to June 14, 2026"]);
});

test("kinds of files are asked for one by one or several, and are no filter of the gateway's", () => {
  const find = (address: string, name: string) =>
    toQuick(read(address), "gallery", NOW).find((one) => one.name === name)?.change;
  expect(find("", "Sounds")).toEqual({ media: ["audio"] });
  expect(find("media=audio", "Videos")).toEqual({ media: ["audio", "video"] });
  expect(find("media=audio&media=video", "Sounds")).toEqual({ media: ["video"] });
  expect(read("media=picture&media=video").media).toEqual(["video"]);
  expect(toJobFilter(read("media=video&starred=yes"))).toEqual({ isStarred: true });
  expect(toQuick(NO_FILTERS, "jobs", NOW).map(({ name }) => name)).not.toContain("Videos");
});
