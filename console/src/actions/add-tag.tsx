import { useId } from "react";

import { MAX_TAG_LENGTH } from "../model/filters";
import { isText } from "../model/json";
import { useTags } from "../ui/selects";

/** Takes a tag to add, and offers those that one has used most. */
export function AddTag({
  isBusy,
  onAdd,
}: {
  readonly isBusy: boolean;
  readonly onAdd: (tag: string) => void;
}) {
  const list = useId();
  const tags = useTags();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const tag = new FormData(event.currentTarget).get("tag");
        if (!isText(tag) || tag.trim() === "" || isBusy) return;
        onAdd(tag.trim());
        event.currentTarget.reset();
      }}
    >
      <input
        name="tag"
        aria-label="Add a tag"
        placeholder="Add a tag"
        enterKeyHint="done"
        autoComplete="off"
        maxLength={MAX_TAG_LENGTH}
        size={10}
        list={list}
      />
      <datalist id={list}>
        {tags.map((tag) => (
          <option key={tag} value={tag} />
        ))}
      </datalist>
    </form>
  );
}
