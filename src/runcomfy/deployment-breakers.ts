import type { Breaker, Outage } from "./breaker.ts";

/** A breaker for each deployment that has failed. */
export type DeploymentBreakers = {
  /** Null for one that has not failed, or not recently. */
  find(deploymentId: string | null): Breaker | null;
  /** Makes one where there is none. */
  open(deploymentId: string): Breaker;
  /** Those that are in an outage. */
  failing(): readonly { readonly deploymentId: string; readonly outage: Outage }[];
};

/** Beyond this, the one whose last failure is oldest is forgotten. */
const MOST_DEPLOYMENTS = 1_000;

export function createDeploymentBreakers(
  createBreaker: (deploymentId: string) => Breaker,
): DeploymentBreakers {
  /** In the order of their last failures. */
  const breakers = new Map<string, Breaker>();

  return {
    find: (deploymentId) => (deploymentId === null ? null : (breakers.get(deploymentId) ?? null)),
    open(deploymentId) {
      const breaker = breakers.get(deploymentId) ?? createBreaker(deploymentId);
      breakers.delete(deploymentId);
      breakers.set(deploymentId, breaker);
      const [oldest] = breakers.keys();
      if (breakers.size > MOST_DEPLOYMENTS && oldest !== undefined) breakers.delete(oldest);
      return breaker;
    },
    failing: () =>
      [...breakers].flatMap(([deploymentId, breaker]) => {
        const outage = breaker.outage();
        return outage === null ? [] : [{ deploymentId, outage }];
      }),
  };
}
