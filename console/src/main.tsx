import { options } from "preact";
import { createRoot } from "preact/compat/client";

// First, so that what screens say of an element counts.
import "./tokens.css";
import "./style.css";
import { App } from "./app";
import { keepFocus } from "./frame/keep-focus";
import { clock } from "./session/store";

// What is dropped where nothing takes it would open in place of the page.
for (const type of ["dragover", "drop"] as const)
  addEventListener(type, (event) => {
    const types = event.dataTransfer?.types ?? [];
    if (types.includes("Files") || types.includes("text/uri-list")) event.preventDefault();
  });

setInterval(() => clock.set(Date.now()), 1_000);

keepFocus();

// Effects run before the next event, which some of them listen to, and in a hidden page, which draws no frames.
options.requestAnimationFrame = queueMicrotask;

const root = document.querySelector("#root");
if (root) createRoot(root).render(<App />);
