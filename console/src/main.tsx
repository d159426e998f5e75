import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

// First, so that what screens say of an element counts.
import "./style.css";
import { App } from "./app";

const root = document.querySelector("#root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
