import { useEffect, useEffectEvent } from "react";
import { useLocation } from "wouter";

import { useParts } from "../session/part";
import { SCREENS } from "./screens";
import { areLettersKeys } from "./settings";

/** The keys of the page, and the list of them. */
export function Keys() {
  const [, navigate] = useLocation();
  const parts = useParts();
  const screens = [...SCREENS, ...parts.flatMap(({ screen }) => (screen?.letter ? [screen] : []))];
  const go = useEffectEvent((letter: string): boolean => {
    const to = screens.find((screen) => screen.letter === letter);
    if (to) navigate(to.path);
    return to !== undefined;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open]") !== null || !areLettersKeys.get()) return;
      if (go(event.key)) return;
      if (pressButton(event)) return;
      if (event.key === "?") showKeys();
      else if (event.key === "/") {
        const search = document.querySelector<HTMLInputElement>("[type=search]");
        if (search === null) return;
        event.preventDefault();
        search.focus();
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);

  return (
    <dialog id="keys" aria-label="Keyboard shortcuts">
      <form method="dialog" className="stack">
        <h2>Keyboard shortcuts</h2>
        <dl>
          <dt>{screens.map(({ letter }) => letter).join(" ")}</dt>
          <dd>{screens.map(({ name }) => name).join(", ")}</dd>
          <dt>/</dt>
          <dd>Search</dd>
          <dt>↑ ↓ Enter Space</dt>
          <dd>In the jobs: move, open, select</dd>
          <dt>f l h x</dt>
          <dd>In what waits here: run first, release, hold, cancel</dd>
          <dt>← →</dt>
          <dd>In a picture: newer and older</dd>
          <dt>Space</dt>
          <dd>In a video or sound: play and pause</dd>
          <dt>+ - 0 1</dt>
          <dd>In a picture: zoom in, out, fit, and 100 %</dd>
          <dt>i</dt>
          <dd>In a picture: its job</dd>
          <dt>Ctrl Enter</dt>
          <dd>Run what is in the form</dd>
          <dt>Esc</dt>
          <dd>Close, or select nothing</dd>
        </dl>
        <button>Close</button>
      </form>
    </dialog>
  );
}

/** Lists the keys. */
export function showKeys(): void {
  document.querySelector<HTMLDialogElement>("#keys")?.showModal();
}

/** Presses the button that has the key: of the row that has the focus, or else of all that is selected. */
function pressButton({ key, target }: KeyboardEvent): boolean {
  const row = target instanceof Element ? target.closest("[data-id]") : null;
  const wanted = `[aria-keyshortcuts="${CSS.escape(key)}"]`;
  const button =
    row?.querySelector<HTMLElement>(wanted) ??
    document.querySelector<HTMLElement>(`[role="group"] > ${wanted}`);
  button?.click();
  return button != null;
}

/** A letter chooses an option of a select. */
const TYPED_INTO =
  "input:not([type=checkbox], [type=radio], [type=range], [type=file]), textarea, select, [contenteditable]";

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches(TYPED_INTO);
}
