import { useLocation } from "wouter";

import { createStore } from "./store";

type Given = { readonly deploymentId: string; readonly input: unknown };

/** What waits for the form that makes a draft of it, as only that has the fields. */
export const handed = createStore<Given | null>(null);

/** Fills the form of a deployment with an input, and goes there. */
export function useHandOver(): (deploymentId: string, input: unknown) => void {
  const [, navigate] = useLocation();
  return (deploymentId, input) => {
    handed.set({ deploymentId, input });
    // The form may be on this very screen, under the menu that this was chosen from.
    for (const menu of document.querySelectorAll<HTMLElement>(":popover-open")) menu.hidePopover();
    navigate(toFormPath(deploymentId));
  };
}

export function toFormPath(deploymentId: string): string {
  return `/run/${encodeURIComponent(deploymentId)}`;
}
