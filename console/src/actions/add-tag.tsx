import { isText } from "../model/json";
import { TagInput } from "../ui/selects";

/** Takes a tag to add. */
export function AddTag({
  isBusy,
  onAdd,
}: {
  readonly isBusy: boolean;
  readonly onAdd: (tag: string) => void;
}) {
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
      <TagInput aria-label="Add a tag" placeholder="Add a tag" enterKeyHint="done" size={10} />
    </form>
  );
}
