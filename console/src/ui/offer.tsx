import { type ReactNode, useId, useState } from "react";

/** A button, and what it opens to choose from, which is asked for only then. */
export function Offer({
  name,
  sign,
  className,
  menuClassName,
  isKept = false,
  children,
}: {
  readonly name: string;
  /** Shown instead of the name. */
  readonly sign?: string;
  readonly className?: string;
  readonly menuClassName?: string;
  /** Whether it stays once it is closed, as something may be under way. */
  readonly isKept?: boolean;
  readonly children: ReactNode;
}) {
  const id = useId();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <button type="button" className={className} popoverTarget={id} aria-label={sign && name}>
        {sign ?? name}
      </button>
      <div
        id={id}
        role="group"
        popover="auto"
        aria-label={name}
        className={menuClassName}
        onToggle={({ newState }) => setIsOpen(isKept || newState === "open")}
      >
        {isOpen && children}
      </div>
    </>
  );
}
