import { useErrorBoundary } from "preact/hooks";
import type { ReactNode } from "react";

/** Keeps a mistake of one screen from taking the whole page with it. */
export function Boundary({ children }: { readonly children: ReactNode }) {
  const [failure] = useErrorBoundary((error) => reportError(error));
  if (failure === undefined) return children;
  return (
    <div className="empty">
      <p role="alert">This screen could not be shown.</p>
      <p className="row">
        {/* Code that did not come is fetched once in the life of a page. */}
        <button onClick={() => location.reload()}>Try again</button>
        <button
          onClick={() => {
            forget();
            location.reload();
          }}
        >
          Forget what was typed, and reload
        </button>
      </p>
    </div>
  );
}

/** Forgets what would outlive a reload, so that one then begins anew. */
export function forget(): void {
  try {
    sessionStorage.clear();
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
}
