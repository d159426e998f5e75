import { useEffect, useRef, useState } from "react";

/** How long it says that it has copied. */
const THANKS_MS = 2_000;

/** Copies a text; where a page may not, the text is given to be copied by hand. */
export function Copy({
  text,
  name,
  label,
}: {
  readonly text: string;
  readonly name: string;
  /** What the button shows; `name` says what it copies. */
  readonly label?: string;
}) {
  const [said, setSaid] = useState<"" | "copied" | "by hand">("");
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (said === "by hand") field.current?.select();
    if (said !== "copied") return;
    const timer = setTimeout(() => setSaid(""), THANKS_MS);
    return () => clearTimeout(timer);
  }, [said]);

  async function copy(): Promise<void> {
    // There is no clipboard for pages that came over plain HTTP from another machine.
    const isCopied = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    setSaid(isCopied ? "copied" : "by hand");
  }

  return (
    <span className="copy">
      <button
        type="button"
        className={label === undefined ? "small" : undefined}
        onClick={() => void copy()}
        aria-label={`Copy ${name}`}
      >
        {said === "copied" ? "Copied" : (label ?? "Copy")}
      </button>
      {said === "by hand" && (
        <label>
          Press Ctrl+C to copy it.
          <textarea ref={field} readOnly rows={1} value={text} onBlur={() => setSaid("")} />
        </label>
      )}
      <span role="status" className="unseen">
        {said === "copied" && `Copied ${name}`}
      </span>
    </span>
  );
}
