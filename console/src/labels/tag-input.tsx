import { type InputHTMLAttributes, useId } from "react";

import { isText } from "../form/json";
import { useQuery } from "../session";
import { useViewer } from "../viewer";
import { TAGS } from "./label-queries";

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
      className="row"
      action={(form) => {
        const tag = form.get("tag");
        if (isText(tag) && tag.trim() !== "" && !isBusy) onAdd(tag.trim());
      }}
    >
      <TagInput name="tag" aria-label="Add a tag" placeholder="Add a tag" enterKeyHint="done" />
    </form>
  );
}

/** Which tag jobs have to have; empty for any. */
export function TagSelect({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (tag: string) => void;
}) {
  const { data } = useQuery(TAGS, {});
  const tags = new Set([
    ...(value === "" ? [] : [value]),
    ...(data?.tags ?? []).map(({ tag }) => tag),
  ]);
  return (
    <label>
      Tag
      <select value={value} onChange={({ target }) => onChange(target.value)}>
        <option value="">Any</option>
        {[...tags].map((tag) => (
          <option key={tag}>{tag}</option>
        ))}
      </select>
    </label>
  );
}

/** The gateway's own bound. */
const MAX_TAG_LENGTH = 64;

/** A field for a tag, which offers those that one has used most. */
function TagInput(given: InputHTMLAttributes<HTMLInputElement>) {
  const list = useId();
  const { mayRead } = useViewer();
  const { data } = useQuery(TAGS, {}, mayRead);
  return (
    <>
      <input {...given} list={list} size={12} maxLength={MAX_TAG_LENGTH} autoComplete="off" />
      <datalist id={list}>
        {data?.tags.map(({ tag }) => (
          <option key={tag} value={tag} />
        ))}
      </datalist>
    </>
  );
}
