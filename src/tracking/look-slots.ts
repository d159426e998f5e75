/** Of all gateways together. One deployment, which is all that many gateways have, gets half of them. */
const MOST_LOOKS = 64;

/** The looks that may be under way at once. */
export function createLookSlots() {
  const takenBy = new Map<string | null, number>();
  let taken = 0;
  let most = MOST_LOOKS;

  function count(deploymentId: string | null, change: 1 | -1): void {
    taken += change;
    const ofDeployment = (takenBy.get(deploymentId) ?? 0) + change;
    if (ofDeployment === 0) takenBy.delete(deploymentId);
    else takenBy.set(deploymentId, ofDeployment);
  }

  return {
    /** With how many gateways the slots are shared; each has one at least. */
    setGateways(gateways: number): void {
      most = Math.max(1, Math.floor(MOST_LOOKS / gateways));
    },
    isFull: () => taken >= most,
    /** Whether a deployment has less than half of the slots, so that one that never answers leaves some to the others. */
    isOpen: (deploymentId: string | null) =>
      (takenBy.get(deploymentId) ?? 0) < Math.max(1, Math.floor(most / 2)),
    /** Takes one, and returns what gives it back. */
    take(deploymentId: string | null): () => void {
      count(deploymentId, 1);
      return () => count(deploymentId, -1);
    },
  };
}
