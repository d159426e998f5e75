import { useEffect } from "react";
import { useLocation } from "wouter";

import { later } from "../parts/later";
import { createStore, useStore } from "../store";
import { areLettersKeys } from "./settings";

const KeyList = later(async () => (await import("./key-list")).KeyList);

/** Whether the keys are listed, which the account's menu asks for as well. */
export const isListShown = createStore(false);

const GO = new Map([
  ["r", "/run"],
  ["j", "/jobs"],
  ["g", "/gallery"],
  ["d", "/deployments"],
  ["w", "/webhooks"],
]);

/** The keys of the page, and the list of them. */
export function Keys() {
  const [, navigate] = useLocation();
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open]") !== null || !areLettersKeys.get()) return;
      const path = GO.get(event.key);
      if (path !== undefined) navigate(path);
      else if (event.key === "?") isListShown.set(true);
      else if (event.key === "/") {
        const search = document.querySelector<HTMLInputElement>("[type=search]");
        if (search === null) return;
        event.preventDefault();
        search.focus();
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [navigate]);

  return useStore(isListShown) && <KeyList onClose={() => isListShown.set(false)} />;
}

/** A letter chooses an option of a select. */
const TYPED_INTO =
  "input:not([type=checkbox], [type=radio], [type=range], [type=file]), textarea, select, [contenteditable]";

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches(TYPED_INTO);
}
