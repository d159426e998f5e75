import { Component, type ReactNode } from "react";

type State = { readonly hasFailed: boolean };

/** Keeps a mistake of one screen from taking the whole page with it. */
export class Boundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { hasFailed: false };

  static getDerivedStateFromError(): State {
    return { hasFailed: true };
  }

  override render() {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <div className="empty">
        <p role="alert">This screen could not be shown.</p>
        <p className="row">
          <button onClick={() => this.setState({ hasFailed: false })}>Try again</button>
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
}

/** Forgets what would outlive a reload, so that one then begins anew. */
export function forget(): void {
  try {
    sessionStorage.clear();
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
}
