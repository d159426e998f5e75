import { type ReactNode, useId, useState } from "react";

/** A button, and what it opens to choose from, which is asked for only then. */
export function Offer({
  name,
  className,
  children,
}: {
  readonly name: string;
  readonly className?: string;
  readonly children: ReactNode;
}) {
  const id = useId();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <button type="button" className={className} popoverTarget={id}>
        {name}
      </button>
      <div
        id={id}
        role="group"
        popover="auto"
        aria-label={name}
        onToggle={({ newState }) => setIsOpen(newState === "open")}
      >
        {isOpen && children}
      </div>
    </>
  );
}
