/** Nothing that opens a phone's keyboard. */
const TARGETS = "a[href], button:enabled, summary, [tabindex='0']";

/**
 * Keeps the focus where it was when what has it goes, as `Cancel` does once it is pressed: on what stood before it, or else
 * on what is nearest. What had it before it was moved, or disabled for a while, gets it back.
 */
export function keepFocus(): void {
  let last: HTMLElement | null = null;
  /** What `last` was in, from inside outwards, and what could have the focus before it. */
  let around: readonly Element[] = [];
  let before: ReadonlySet<Element> = new Set();
  let isLost = false;

  const isThere = (one: HTMLElement): boolean => one.isConnected && !one.matches(":disabled");
  const isNowhere = (): boolean => document.activeElement === document.body;

  addEventListener("focusin", ({ target }) => {
    if (!(target instanceof HTMLElement)) return;
    last = target;
    around = toAncestors(target);
    before = new Set(
      [...document.querySelectorAll(TARGETS)].filter(
        (one) => one.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_FOLLOWING,
      ),
    );
    isLost = false;
  });
  addEventListener("focusout", () => {
    // A click on nothing means to have it nowhere.
    setTimeout(() => {
      if (!isLost && isNowhere() && last && isThere(last)) last = null;
    });
  });

  function giveBack(): void {
    if (!isLost || last === null || !isNowhere()) return;
    if (isThere(last)) return last.focus({ preventScroll: true });
    if (last.isConnected) return;
    find()?.focus({ preventScroll: true });
  }
  function find(): HTMLElement | null {
    const main = document.querySelector<HTMLElement>("#main");
    for (const place of around) {
      if (place.contains(main)) return main;
      if (!place.isConnected) continue;
      const all = [...place.querySelectorAll<HTMLElement>(TARGETS)].filter((one) =>
        one.checkVisibility(),
      );
      const nearest = all.findLast((one) => before.has(one)) ?? all[0];
      if (nearest) return nearest;
    }
    return main;
  }

  const observer = new MutationObserver((records) => {
    isLost ||= records.some(({ type, target, removedNodes }) =>
      type === "attributes" ? target === last : [...removedNodes].some((one) => one.contains(last)),
    );
    // After what knows better where it belongs.
    if (isLost) requestAnimationFrame(() => setTimeout(giveBack));
  });
  observer.observe(document.body, {
    ...{ childList: true, subtree: true },
    attributeFilter: ["disabled"],
  });
}

function toAncestors({ parentElement }: Element): readonly Element[] {
  return parentElement === null ? [] : [parentElement, ...toAncestors(parentElement)];
}
