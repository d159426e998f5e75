import { useEffect, useState } from "react";

const SHOWN_MS = 2_000;

/** RunComfy's id, to be pasted into code or RunComfy's dashboard. */
export function CopyId({ id }: { readonly id: string }) {
  const [told, setTold] = useState<"copied" | "failed" | null>(null);
  useEffect(() => {
    if (told === null) return;
    const timer = setTimeout(() => setTold(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [told]);

  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(id);
      setTold("copied");
    } catch {
      // Pages without https have no clipboard.
      setTold("failed");
    }
  };
  return (
    <p className="deployment-id">
      <code>{id}</code>
      <button onClick={() => void copy()} aria-label={`Copy the id ${id}`}>
        Copy
      </button>
      <span role="status" className="hint">
        {told === "copied" && "Copied."}
        {told === "failed" && "Select it and copy it by hand."}
      </span>
    </p>
  );
}
