import { useLocation } from "wouter";

import { useViewer } from "../viewer";
import { handOver, toScope } from "./draft-store";

/** Fills the form of a deployment with an input, and goes there. */
export function useHandOver(): (deploymentId: string, input: unknown) => void {
  const [, navigate] = useLocation();
  const viewer = useViewer();
  return (deploymentId, input) => {
    handOver(toScope(viewer.id, deploymentId), input);
    navigate(`/run/${encodeURIComponent(deploymentId)}`);
  };
}
