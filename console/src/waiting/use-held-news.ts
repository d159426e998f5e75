import { useAgain, useFresh } from "../session/session";

/** Asks anew when one of these jobs changes, or another one begins to wait here, and every now and then. */
export function useHeldNews(
  jobs: readonly { readonly id: string }[] | undefined,
  ask: () => Promise<void>,
): void {
  useAgain(ask);
  useFresh(
    ({ id, status }) => status === "HELD" || jobs?.some((one) => one.id === id) === true,
    () => void ask(),
  );
}
