import type { ComponentProps } from "react";

import { useStore } from "../store";
import { useViewer } from "../viewer";
import { JobPanel } from "./job-panel";
import { recentOf, showRecent } from "./recent";
import { RecentStrip } from "./recent-strip";
import { Together } from "./together";

type Props = Omit<ComponentProps<typeof JobPanel>, "id" | "submitted"> & {
  /** One job, several that were made together, or none. */
  readonly shown: readonly string[];
};

/** What was made here: a job or several, and those before them. */
export function Made({ shown, ...props }: Props) {
  const { id: viewerId, mayRead } = useViewer();
  const { ids, together, submitted } = useStore(recentOf(viewerId));
  const [only, ...others] = shown;
  const given = { ...props, submitted };
  const onShow = (id: string): void => showRecent(viewerId, [id]);
  return (
    <>
      {others.length > 0 && <Together ids={shown} {...given} onShow={onShow} />}
      {only !== undefined && others.length === 0 && (
        <div className="run-one">
          {together.length > 1 && together.includes(only) && (
            <button type="button" onClick={() => showRecent(viewerId, together)}>
              ← All {together.length}
            </button>
          )}
          <JobPanel key={only} id={only} {...given} />
        </div>
      )}
      {mayRead && ids.length > 0 && (
        <RecentStrip {...{ ids, shown, onShow }} onGone={props.onGone} />
      )}
    </>
  );
}
