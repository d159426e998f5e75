import { useEffect, useEffectEvent, useState } from "react";
import { GatewayError } from "runcomfy-graphql-client";

import type { JobRowFragment } from "../gql";
import { type Cost, groupByPrice, tellPrices, UNKNOWN_COST } from "../model/costs";
import { readFields } from "../model/fields";
import { usePrices } from "../session/part";
import { DEPLOYMENTS } from "../session/queries";
import { useQuery, useSession } from "../session/session";
import { CHECK_INPUT } from "./submit-queries";

/** How many are asked for at once, and in all: the price of what is left is unknown. */
const AT_ONCE = 4;
const MAX_ASKED = 20;

/** What running jobs again will cost in all, asked for as long as it is shown: once for all that cost the same. */
export function TotalPrice({ jobs }: { readonly jobs: readonly JobRowFragment[] }) {
  const { gateway } = useSession();
  const isWanted = usePrices();
  const isMany = jobs.length > 1;
  const { data, error } = useQuery(DEPLOYMENTS, {}, isWanted && isMany);
  const isKnown = !isMany || data !== undefined || error !== null;
  const [costs, setCosts] = useState<readonly Cost[] | null>(null);
  const ids = jobs.map(({ id }) => id).join(" ");
  const ask = useEffectEvent(async (signal: AbortSignal) => {
    const find = (id: string) => data?.deployments.find((one) => one.id === id);
    const groups = groupByPrice(jobs, (id) => readFields(find(id)?.inputSchema));
    const found: Cost[] = groups.slice(MAX_ASKED).flatMap((group) => group.map(() => UNKNOWN_COST));
    const left = groups.slice(0, MAX_ASKED).values();
    async function work(): Promise<void> {
      for (const group of left) {
        const [job] = group;
        if (signal.aborted || job === undefined) return;
        const cost = await askOne(job);
        for (let count = 0; count < group.length; count += 1) found.push(cost);
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (!signal.aborted) setCosts(found);
  });

  async function askOne({ deployment, input }: JobRowFragment): Promise<Cost> {
    try {
      const variables = { deploymentId: deployment.id, input };
      return (await gateway.request(CHECK_INPUT, variables)).checkInput.cost;
    } catch (failure) {
      if (!(failure instanceof GatewayError)) throw failure;
      return UNKNOWN_COST;
    }
  }

  useEffect(() => {
    const stop = new AbortController();
    if (isWanted && isKnown) void ask(stop.signal);
    return () => {
      setCosts(null);
      stop.abort();
    };
  }, [isWanted, isKnown, ids]);
  if (!isWanted) return null;
  return (
    <span role="status"> In total: {costs ? tellPrices(costs) : "asking for the price…"}.</span>
  );
}
