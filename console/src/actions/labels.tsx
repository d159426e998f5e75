import { Link } from "wouter";

import type { JobRowFragment } from "../gql";
import "./labels.css";

/** A job's tags, which lead to the others that have them; with its star where they are only shown. */
export function Tags({
  job: { tags, isStarred },
  screen,
  onRemove,
}: {
  readonly job: JobRowFragment;
  /** Where the others are shown. */
  readonly screen: "gallery" | "jobs";
  /** Absent where they are only shown. */
  readonly onRemove?: (tag: string) => void;
}) {
  return (
    <div className="row tight labels">
      {isStarred && !onRemove && <span role="img" aria-label="Starred" className="star" />}
      {tags.map((tag) => (
        <span key={tag} className="chip">
          <Link href={`/${screen}?tag=${encodeURIComponent(tag)}`} title={tag}>
            {tag}
          </Link>
          {onRemove && (
            <button
              type="button"
              className="plain"
              aria-label={`Remove the tag ${tag}`}
              onClick={() => onRemove(tag)}
            >
              ✕
            </button>
          )}
        </span>
      ))}
    </div>
  );
}
