import { type ReactNode, useState } from "react";

/** What is folded away, and not there, until it is opened or something in it matters. */
export function Unfolding({
  summary,
  isForced = false,
  isOpenFirst = false,
  className,
  children,
}: {
  readonly summary: ReactNode;
  readonly isForced?: boolean;
  readonly isOpenFirst?: boolean;
  readonly className?: string;
  readonly children: ReactNode;
}) {
  const [isOpened, setIsOpened] = useState(isOpenFirst);
  const isOpen = isOpened || isForced;
  return (
    <details
      className={className}
      open={isOpen}
      onToggle={({ currentTarget }) => setIsOpened(currentTarget.open)}
    >
      <summary>{summary}</summary>
      {isOpen && children}
    </details>
  );
}
