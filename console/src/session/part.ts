import { type ComponentType, createContext, use } from "react";

import type { Viewer } from "./viewer";

/** What a part of the gateway adds to the page. It is loaded only where `Viewer.parts` names the part. */
export type Part = {
  /** The menu of the account leads there. */
  readonly screen?: {
    readonly path: string;
    readonly name: string;
    /** The shortcut that leads there, too. */
    readonly letter?: string;
    readonly Screen: ComponentType;
    /** Whom the menu offers it; everybody by default. */
    readonly isFor?: (viewer: Viewer) => boolean;
    /** Shows nothing, and reports what needs the viewer's attention: `1 disabled`, or an empty text. */
    readonly Watch?: ComponentType<{ readonly onNews: (news: string) => void }>;
  };
  /** What its scopes let one do. */
  readonly scopes?: readonly (readonly [scope: string, words: string])[];
  /** Whether it shows what runs cost, before and after. */
  readonly hasPrices?: boolean;
  /** A button for the jobs that are selected in the gallery, which reports its outcome. */
  readonly SelectionButton?: ComponentType<{
    readonly ids: readonly string[];
    readonly onSaid: (said: string) => void;
  }>;
};

/** The parts that are on; null until they have come. */
export const PartsContext = createContext<readonly Part[] | null>(null);

export function useParts(): readonly Part[] {
  return use(PartsContext) ?? NONE;
}

/** Whether a part shows what runs cost; without one, RunComfy reports the cost of some afterwards. */
export function usePrices(): boolean {
  return useParts().some(({ hasPrices }) => hasPrices);
}

const NONE: readonly Part[] = [];
