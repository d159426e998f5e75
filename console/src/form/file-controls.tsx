import { useRef } from "react";

import { UPLOAD_MIB } from "../gateway";
import type { ControlProps } from "./control";
import { GivenPicture, useGivenFile } from "./given-file";
import { isToken, putInto, toLines } from "./place-file";
import { useSettled } from "./use-settled";

export type OnGive = (files: readonly File[], slot: { name: string; index: number }) => void;
type GiveProps = { readonly onGive: OnGive };

/** One slot, or for a list one more than there are files. */
export function FileControl({
  field: { name, label },
  widget,
  id,
  value,
  onChange,
  described,
  onGive,
}: ControlProps<"file" | "files"> & GiveProps) {
  const most = widget.kind === "file" ? 1 : widget.most;
  const files = toLines(value);
  const slots = files.length < most ? [...files, ""] : files;
  return (
    <span className="run-files">
      {slots.map((file, index) => (
        <FileSlot
          // A slot is its place: what is in it may be typed at the moment.
          // oxlint-disable-next-line react/no-array-index-key
          key={index}
          id={index === 0 ? id : `${id}-${index}`}
          label={most > 1 ? `${label}, ${index + 1}` : label}
          {...{ name, index, described }}
          value={file}
          accept={widget.accept}
          isList={most > 1}
          onChange={(next) =>
            onChange(putInto({ [name]: value }, { name, index }, next)[name] ?? "")
          }
          onGive={onGive}
        />
      ))}
    </span>
  );
}

/** Takes files by choosing them, or an address of one; what is dropped or pasted comes from the page. */
function FileSlot({
  id,
  name,
  index,
  label,
  value,
  accept,
  isList,
  described,
  onChange,
  onGive,
}: GiveProps & {
  readonly id: string;
  readonly name: string;
  readonly index: number;
  readonly label: string;
  readonly value: string;
  readonly accept: string;
  readonly isList: boolean;
  readonly described: ControlProps<"file">["described"];
  readonly onChange: (value: string) => void;
}) {
  const chooser = useRef<HTMLInputElement>(null);
  const settled = useSettled(value, 400);
  const file = useGivenFile(settled === value ? value : "");
  const isAddress = !isToken(value) && !value.startsWith("upload:");
  return (
    <span className="run-drop" data-slot={name} data-index={index}>
      <GivenPicture file={file} alt={`${label}, preview`} accept={accept} />
      <span className="run-drop-words">
        <span role="status" className={file?.problem ? "issue" : "hint"}>
          {value === "" ? `Drop or paste a file here, up to ${UPLOAD_MIB} MB` : file?.words}
        </span>
        <span className="row">
          <button
            type="button"
            aria-label={`Choose a file for ${label}`}
            onClick={() => chooser.current?.click()}
          >
            Choose…
          </button>
          {file?.retry && (
            <button type="button" onClick={file.retry}>
              Try again
            </button>
          )}
          {value !== "" && (
            <button
              type="button"
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
        multiple={isList}
        onChange={({ target }) => {
          onGive([...(target.files ?? [])], { name, index });
          target.value = ""; // So that the same file can be chosen again.
        }}
      />
      <input
        {...described}
        id={id}
        value={isAddress ? value : ""}
        className="run-address"
        placeholder="or an address: https://…"
        autoComplete="off"
        spellCheck={false}
        onChange={({ target }) => onChange(target.value.trim())}
      />
    </span>
  );
}
