import type { JobRowFragment } from "../gql";
import { editThem } from "../jobs/actions";
import { useActions } from "../jobs/use-actions";
import { useViewer } from "../viewer";

/** Marks a job, or takes the mark away; a sign where one may not. */
export function Star({ job: { id, ownerId, isStarred } }: { readonly job: JobRowFragment }) {
  const viewer = useViewer();
  const { doing, act } = useActions();
  if (ownerId !== viewer.id || !viewer.may("jobs:submit"))
    return isStarred && <span role="img" aria-label="Starred" className="star" />;
  return (
    <button
      type="button"
      className="star plain"
      aria-label="Star"
      aria-pressed={isStarred}
      aria-disabled={doing !== null}
      onClick={() => doing === null && void act(editThem({ isStarred: !isStarred }), [id])}
    />
  );
}
