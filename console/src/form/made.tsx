import type { ComponentProps } from "react";

import { useStore } from "../store";
import { useViewer } from "../viewer";
import { JobPanel } from "./job-panel";
import { recentOf } from "./recent";
import { RecentStrip } from "./recent-strip";
import { Together } from "./together";

type Props = Omit<ComponentProps<typeof JobPanel>, "id" | "submitted"> & {
  /** One job, several that were made together, or none. */
  readonly shown: readonly string[];
  readonly onShow: (ids: readonly string[]) => void;
};

/** What was made here: a job or several, and those before them. */
export function Made({ shown, onShow: show, ...props }: Props) {
  const { id: viewerId, mayRead } = useViewer();
  const { ids, together, submitted } = useStore(recentOf(viewerId));
  const [only, ...others] = shown;
  const given = { ...props, submitted };
  const onShow = (id: string): void => show([id]);
  return (
    <>
      {others.length > 0 && <Together ids={shown} {...given} onShow={onShow} />}
      {only !== undefined && others.length === 0 && (
        <div className="run-one">
          {together.length > 1 && together.includes(only) && (
            <button type="button" onClick={() => show(together)}>
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
