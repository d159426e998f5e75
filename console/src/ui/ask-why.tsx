import { useEffect, useRef, useState } from "react";

/** As the gateway takes it. */
const MAX_LENGTH = 500;

/** A button that asks for a reason before it does something. */
export function AskWhy({
  label,
  hint,
  isDisabled,
  onGiven,
}: {
  readonly label: string;
  /** Who reads the reason. */
  readonly hint: string;
  readonly isDisabled: boolean;
  readonly onGiven: (reason: string) => void;
}) {
  const [isOpen, setOpen] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (isOpen) field.current?.focus();
  }, [isOpen]);
  if (!isOpen)
    return (
      <button type="button" disabled={isDisabled} onClick={() => setOpen(true)}>
        {label}…
      </button>
    );
  return (
    <form
      className="row grow"
      onSubmit={(event) => {
        event.preventDefault();
        setOpen(false);
        onGiven(field.current?.value ?? "");
      }}
    >
      <input
        ref={field}
        className="grow"
        aria-label="Why"
        placeholder={hint}
        required
        pattern=".*\S.*"
        maxLength={MAX_LENGTH}
      />
      <button className="danger">{label}</button>
      <button type="button" onClick={() => setOpen(false)}>
        Don’t
      </button>
    </form>
  );
}
