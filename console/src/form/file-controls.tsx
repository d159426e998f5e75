import { useEffect, useRef, useState } from "react";

import { isToken, toLines } from "../model/draft";
import { putInto, type Slot } from "../model/place-file";
import { UPLOAD_MIB } from "../session/gateway";
import { useGivenFile } from "../session/use-given-file";
import { GivenPicture } from "../ui/given-file";
import type { ControlProps } from "./controls";

/** A typed address is checked once the user pauses. */
const REST_MS = 400;

type Props = ControlProps<"file" | "files"> & {
  readonly onGive: (files: readonly File[], slot: Slot) => void;
};

/** One slot, or for a list one more than there are files. */
export function FileControl({ attributes, ...props }: Props) {
  const { field, widget, value, onChange } = props;
  const { path, label } = field;
  const most = widget.kind === "file" ? 1 : widget.most;
  const files = toLines(value);
  const slots = files.length < most ? [...files, ""] : files;
  return (
    <span className={most > 1 ? "two run-files" : "stack"}>
      {slots.map((file, index) => (
        <FileSlot
          // A slot is its place: what is in it may be typed at the moment.
          // oxlint-disable-next-line react/no-array-index-key
          key={index}
          {...props}
          attributes={index === 0 ? attributes : { ...attributes, id: `${attributes.id}-${index}` }}
          label={most > 1 ? `${label}, ${index + 1}` : label}
          index={index}
          value={file}
          onChange={(next) =>
            onChange(putInto({ [path]: value }, { path, index }, next)[path] ?? "")
          }
        />
      ))}
    </span>
  );
}

/** Takes files by choosing them, or an address of one; what is dropped or pasted comes from the page. */
function FileSlot({
  field: { path },
  widget: { accept, kind },
  value,
  onChange,
  attributes,
  onGive,
  label,
  index,
}: Props & { readonly label: string; readonly index: number }) {
  const chooser = useRef<HTMLInputElement>(null);
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), REST_MS);
    return () => clearTimeout(timer);
  }, [value]);
  const file = useGivenFile(rested === value ? value : "");
  const isAddress = !isToken(value) && !value.startsWith("upload:");
  return (
    <span className="run-drop" data-slot={path} data-index={index}>
      <GivenPicture file={file} alt={`${label}, preview`} accept={accept} />
      <span className="stack small">
        <span role="status" className={file?.problem ? "issue" : "hint"} title={file?.name}>
          {value === "" ? `Drop or paste a file here, up to ${UPLOAD_MIB} MB` : file?.words}
        </span>
        <span className="row">
          <button
            type="button"
            className="small"
            aria-label={`Choose a file for ${label}`}
            onClick={() => chooser.current?.click()}
          >
            Choose…
          </button>
          {file?.retry && (
            <button type="button" className="small" onClick={file.retry}>
              Try again
            </button>
          )}
          {value !== "" && (
            <button
              type="button"
              className="small"
              aria-label={`Remove ${label}`}
              onClick={() => {
                file?.stop?.();
                onChange("");
              }}
            >
              Remove
            </button>
          )}
        </span>
      </span>
      <input
        ref={chooser}
        type="file"
        hidden
        accept={accept}
        multiple={kind === "files"}
        onChange={({ target }) => {
          onGive([...(target.files ?? [])], { path, index });
          target.value = ""; // So that the same file can be chosen again.
        }}
      />
      <input
        {...attributes}
        value={isAddress ? value : ""}
        className="small"
        placeholder="or an address: https://…"
        autoComplete="off"
        spellCheck="false"
        onChange={({ target }) => onChange(target.value.trim())}
      />
    </span>
  );
}
