import { useEffect, useEffectEvent, useState } from "react";
import { GatewayError } from "runcomfy-graphql-client";

import type { JobRowFragment } from "../gql";
import { type Cost, tellPrices, UNKNOWN_COST } from "../model/costs";
import { usePrices } from "../session/part";
import { useSession } from "../session/session";
import { CHECK_INPUT } from "./submit-queries";

/** How many are asked for at once. */
const AT_ONCE = 4;

/** What running jobs again will cost in all, asked for as long as it is shown. */
export function TotalPrice({ jobs }: { readonly jobs: readonly JobRowFragment[] }) {
  const { gateway } = useSession();
  const isWanted = usePrices();
  const [costs, setCosts] = useState<readonly Cost[] | null>(null);
  const ids = jobs.map(({ id }) => id).join(" ");
  const ask = useEffectEvent(async (signal: AbortSignal) => {
    const found: Cost[] = [];
    const left = jobs.values();
    async function work(): Promise<void> {
      for (const job of left) if (!signal.aborted) found.push(await askOne(job));
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (!signal.aborted) setCosts(found);
  });

  async function askOne({ deployment, input }: JobRowFragment): Promise<Cost> {
    try {
      const variables = { deploymentId: deployment.id, input };
      return (await gateway.request(CHECK_INPUT, variables)).checkInput.cost;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return UNKNOWN_COST;
    }
  }

  useEffect(() => {
    const stop = new AbortController();
    if (isWanted) void ask(stop.signal);
    return () => {
      setCosts(null);
      stop.abort();
    };
  }, [isWanted, ids]);
  if (!isWanted) return null;
  return (
    <span role="status"> In total: {costs ? tellPrices(costs) : "asking for the price…"}.</span>
  );
}
