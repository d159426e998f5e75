import { Link } from "wouter";

import type { JobRowFragment } from "../gql";
import { editThem } from "../jobs/actions";
import { useActions } from "../jobs/use-actions";
import { useViewer } from "../viewer";
import { AddTag } from "./tag-input";
import "./labels.css";

/** A job's tags, each with a way to take it away, and a field for another one; without these where one may not. */
export function Tags({
  job: { id, ownerId, tags },
  screen,
}: {
  readonly job: JobRowFragment;
  /** Where the others with a tag are shown. */
  readonly screen: "gallery" | "jobs";
}) {
  const viewer = useViewer();
  const { doing, problem, act } = useActions();
  const isEditable = ownerId === viewer.id && viewer.may("jobs:submit");
  const edit = (edit: Parameters<typeof editThem>[0]) => void act(editThem(edit), [id]);
  return (
    <div className="row tags">
      {tags.map((tag) => (
        <span key={tag} className="chip">
          <Link href={`/${screen}?tag=${encodeURIComponent(tag)}`}>{tag}</Link>
          {isEditable && (
            <button
              type="button"
              aria-label={`Remove the tag ${tag}`}
              aria-disabled={doing !== null}
              onClick={() => doing === null && edit({ removeTags: [tag] })}
            >
              ✕
            </button>
          )}
        </span>
      ))}
      {isEditable && <AddTag isBusy={doing !== null} onAdd={(tag) => edit({ addTags: [tag] })} />}
      {problem !== "" && <span role="alert">{problem}</span>}
    </div>
  );
}
