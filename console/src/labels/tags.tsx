import { useState } from "react";
import { Link } from "wouter";

import type { JobRowFragment } from "../gql";
import { editThem } from "../jobs/actions";
import { useAction } from "../jobs/use-action";
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
  const { doing, act } = useAction(id);
  const [problem, setProblem] = useState<string | null>(null);
  const isEditable = ownerId === viewer.id && viewer.may("jobs:submit");
  const edit = async (edit: Parameters<typeof editThem>[0]): Promise<void> =>
    setProblem((await act(editThem(edit))).problem);
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
              onClick={() => doing === null && void edit({ removeTags: [tag] })}
            >
              ✕
            </button>
          )}
        </span>
      ))}
      {isEditable && (
        <AddTag isBusy={doing !== null} onAdd={(tag) => void edit({ addTags: [tag] })} />
      )}
      {problem !== null && <span role="alert">{problem}</span>}
    </div>
  );
}
