import { type RefObject, useEffect } from "react";

/** Tells when an element comes within `margin` of the window and when it leaves; `onSeen` anew begins anew. */
export function useSeen(
  element: RefObject<Element | null>,
  margin: string,
  onSeen: (isSeen: boolean) => void,
): void {
  useEffect(() => {
    if (element.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => onSeen(entries.at(-1)?.isIntersecting === true),
      { rootMargin: margin },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element, margin, onSeen]);
}
