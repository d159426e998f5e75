import { useSyncExternalStore } from "react";

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Which colours the page has, for what is drawn with colours of its own. */
export function useScheme(): "dark" | "light" {
  return useSyncExternalStore(subscribe, read);
}

function subscribe(listener: () => void): () => void {
  dark.addEventListener("change", listener);
  return () => dark.removeEventListener("change", listener);
}

function read(): "dark" | "light" {
  return dark.matches ? "dark" : "light";
}
