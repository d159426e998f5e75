import type { FrameQuery } from "../gql";
import { FRAME } from "./queries";
import { useQuery } from "./session";

type Pause = FrameQuery["deployments"][number]["paused"];

/** Why a deployment takes no jobs for now, and since when; null where it does. */
export function usePauses(): (deploymentId: string) => Pause {
  const { data } = useQuery(FRAME, {});
  return (deploymentId) => data?.deployments.find(({ id }) => id === deploymentId)?.paused ?? null;
}
