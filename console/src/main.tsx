import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

// First, so that what screens say of an element counts.
import "./tokens.css";
import "./style.css";
import { App } from "./app";
import { clock } from "./store";

setInterval(() => clock.set(Date.now()), 1_000);

const root = document.querySelector("#root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
