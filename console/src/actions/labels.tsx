import { Link } from "wouter";

import type { JobRowFragment } from "../gql";
import { useViewer } from "../session/viewer";
import { editThem } from "./actions";
import { AddTag } from "./add-tag";
import { useActions } from "./use-actions";
import "./labels.css";

/** A job's star and tags, with what changes them; without that where one may not. */
export function Labels({
  job: { id, ownerId, tags, isStarred },
  screen,
}: {
  readonly job: JobRowFragment;
  /** Where the others with a tag are shown. */
  readonly screen: "gallery" | "jobs";
}) {
  const viewer = useViewer();
  const { doing, problem, act } = useActions();
  const isEditable = ownerId === viewer.id && viewer.may("jobs:submit");
  const isBusy = doing !== null;
  const edit = (change: Parameters<typeof editThem>[0]): void => {
    if (!isBusy) void act(editThem(change), [id]);
  };
  return (
    <div className="row tight labels">
      {isEditable ? (
        <button
          type="button"
          className="plain star"
          aria-label="Star"
          aria-pressed={isStarred}
          aria-disabled={isBusy}
          onClick={() => edit({ isStarred: !isStarred })}
        />
      ) : (
        isStarred && <span role="img" aria-label="Starred" className="star" />
      )}
      {tags.map((tag) => (
        <span key={tag} className="chip">
          <Link href={`/${screen}?tag=${encodeURIComponent(tag)}`} title={tag}>
            {tag}
          </Link>
          {isEditable && (
            <button
              type="button"
              className="plain"
              aria-label={`Remove the tag ${tag}`}
              aria-disabled={isBusy}
              onClick={() => edit({ removeTags: [tag] })}
            >
              ✕
            </button>
          )}
        </span>
      ))}
      {isEditable && <AddTag isBusy={isBusy} onAdd={(tag) => edit({ addTags: [tag] })} />}
      {problem !== "" && <span role="alert">{problem}</span>}
    </div>
  );
}
