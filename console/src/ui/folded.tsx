import { useState } from "react";

/** Two lines or so of a text; all of it when it is asked for. */
const MAX = 240;

/** A text that begins short where it is long. */
export function Folded({ text }: { readonly text: string }) {
  const [isOpen, setIsOpen] = useState(false);
  const isLong = text.length > MAX;
  return (
    <p className="folded" dir="auto">
      {isLong && !isOpen ? `${text.slice(0, MAX).trimEnd()}… ` : text}
      {isLong && (
        <button
          type="button"
          className="small"
          aria-expanded={isOpen}
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? "Show less" : "Show all"}
        </button>
      )}
    </p>
  );
}
