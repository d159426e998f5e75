import { useState } from "react";

import { useSession } from "../session";
import { useViewer } from "../viewer";
import type { Action, Outcome } from "./actions";

/** Does one thing after another with a job; `doing` is the one that is under way. */
export function useAction(id: string) {
  const session = useSession();
  const viewer = useViewer();
  const [doing, setDoing] = useState<Action | null>(null);

  async function act(action: Action): Promise<Outcome> {
    setDoing(action);
    const outcomes = await action.run({ session, viewerId: viewer.id }, [id]);
    setDoing(null);
    return outcomes[0] ?? { id, problem: null };
  }

  return { doing, act };
}
