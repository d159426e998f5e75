import { createStore, type Store } from "../session/store";

/** Whether single characters are shortcuts (WCAG 2.1.4 requires a way to turn them off); kept for all of the browser's tabs. */
export const areLettersKeys = createSetting("letters are keys", true);

/** Whether the browser says that a job has ended while nobody sees the page; kept as the other is. */
export const isNotified = createSetting("notify", false);

function createSetting(name: string, first: boolean): Store<boolean> {
  const store = createStore((read(name) ?? String(first)) === "true");
  return {
    ...store,
    set(isOn) {
      store.set(isOn);
      try {
        localStorage.setItem(name, String(isOn));
      } catch {
        // Then it holds until the page is closed.
      }
    },
  };
}

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}
