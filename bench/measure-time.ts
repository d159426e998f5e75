import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import type { Figure } from "./figure.ts";
import { measureBurst } from "./measure-burst.ts";
import { measureSchedule } from "./measure-schedule.ts";
import { measureStatements } from "./measure-statements.ts";

/** When jobs are polled: how many polls and statements that takes, how late ends are told, how well they are foretold. */
export async function measureTime(_upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  return [...measureSchedule(), ...(await measureBurst()), ...(await measureStatements(folder))];
}
