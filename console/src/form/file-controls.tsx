import { type ClipboardEvent, type DragEvent, useRef, useState } from "react";

import { useStore } from "../store";
import type { ControlProps } from "./control";
import { uploaded } from "./uploaded-files";
import { useSettled } from "./use-settled";
import { useUpload } from "./use-upload";

type BusyProps = { readonly onBusy: (name: string, isBusy: boolean) => void };

export function FileControl(props: ControlProps<"file"> & BusyProps) {
  const { field, widget, id, value, onChange, described, onBusy } = props;
  const tell = (isBusy: boolean): void => onBusy(field.name, isBusy);
  const { accept } = widget;
  return (
    <FileSlot {...{ id, value, onChange, described, accept }} label={field.label} onBusy={tell} />
  );
}

/** One slot more than there are files. */
export function FilesControl(props: ControlProps<"files"> & BusyProps) {
  const { field, widget, id, value, onChange, described, onBusy } = props;
  const files = value === "" ? [] : value.split("\n");
  const slots = files.length < widget.most ? [...files, ""] : files;
  // An upload ends later than it began: other slots may have been filled since.
  const latest = useRef(files);
  latest.current = files;
  const change = (index: number, next: string): void => {
    const changed = latest.current.toSpliced(index, 1, next);
    onChange(changed.filter((one) => one !== "").join("\n"));
  };
  return (
    <span className="run-files">
      {slots.map((file, index) => (
        <FileSlot
          // A slot is its place: what is in it may be typed at the moment.
          // oxlint-disable-next-line react/no-array-index-key
          key={index}
          id={index === 0 ? id : `${id}-${index}`}
          label={`${field.label}, ${index + 1}`}
          value={file}
          accept={widget.accept}
          described={described}
          onChange={(next) => change(index, next)}
          onBusy={(isBusy) => onBusy(`${field.name} ${index}`, isBusy)}
        />
      ))}
    </span>
  );
}

/** Takes a file by dropping, choosing or pasting it, or an address of one. */
function FileSlot({
  id,
  label,
  value,
  accept,
  described,
  onChange,
  onBusy,
}: {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly accept: string;
  readonly described: ControlProps<"file">["described"];
  readonly onChange: (value: string) => void;
  readonly onBusy: (isBusy: boolean) => void;
}) {
  const chooser = useRef<HTMLInputElement>(null);
  const [isOver, setIsOver] = useState(false);
  const { uploading, upload, clear } = useUpload(value, onChange, onBusy);
  const isUploaded = value.startsWith("upload:");

  const take = (event: DragEvent | ClipboardEvent, data: DataTransfer): void => {
    const [file] = data.files;
    const address = data.getData("text/uri-list").split("\n")[0]?.trim() ?? "";
    if (!file && !/^https?:/.test(address)) return;
    event.preventDefault();
    if (file) void upload(file);
    else onChange(address);
  };

  return (
    <span
      className={isOver ? "run-drop run-drop-over" : "run-drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={(event) => {
        setIsOver(false);
        event.preventDefault();
        take(event, event.dataTransfer);
      }}
      onPaste={(event) => {
        if (event.clipboardData.files.length > 0) take(event, event.clipboardData);
      }}
    >
      <Preview value={value} label={label} accept={accept} />
      <span className="run-drop-words">
        <span role="status" className={uploading.kind === "failed" ? "issue" : "hint"}>
          {uploading.kind === "idle" && <FileHint value={value} />}
          {uploading.kind === "busy" && `Uploading ${uploading.file.name}…`}
          {uploading.kind === "failed" && uploading.reason}
        </span>
        <span className="row">
          <button
            type="button"
            aria-label={`Choose a file for ${label}`}
            disabled={uploading.kind === "busy"}
            onClick={() => chooser.current?.click()}
          >
            Choose…
          </button>
          {uploading.kind === "failed" && (
            <button type="button" onClick={() => void upload(uploading.file)}>
              Try again
            </button>
          )}
          {(value !== "" || uploading.kind === "failed") && (
            <button
              type="button"
              aria-label={`Remove ${label}`}
              onClick={() => {
                clear();
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
        onChange={({ target }) => {
          const [file] = target.files ?? [];
          if (file) void upload(file);
          target.value = ""; // So that the same file can be chosen again.
        }}
      />
      <input
        {...described}
        id={id}
        value={isUploaded ? "" : value}
        className="run-address"
        placeholder={
          isUploaded ? "or another one's address: https://…" : "or its address: https://…"
        }
        autoComplete="off"
        spellCheck={false}
        onChange={({ target }) => onChange(target.value.trim())}
      />
    </span>
  );
}

function FileHint({ value }: { readonly value: string }) {
  const file = useStore(uploaded).get(value);
  if (file) return file.name;
  if (value.startsWith("upload:")) return "Uploaded earlier";
  return value === "" ? "Drop or paste a file here" : "From the web";
}

/** Of what was uploaded here, or of what an address leads to once it is written. */
function Preview({
  value,
  label,
  accept,
}: {
  readonly value: string;
  readonly label: string;
  readonly accept: string;
}) {
  const settled = useSettled(value, 400);
  const [broken, setBroken] = useState("");
  const file = useStore(uploaded).get(value);
  const url = file?.url ?? (settled === value && URL.canParse(value) ? value : "");
  const isWeb = /^(https?|blob):/.test(url);
  const type = file?.type ?? accept;
  if (!isWeb || broken === url || type.startsWith("audio/"))
    return <span className="run-preview">{broken !== "" && broken === url && "no preview"}</span>;
  const fail = (): void => setBroken(url);
  return (
    <span className="run-preview">
      {type.startsWith("video/") ? (
        <video src={url} muted playsInline preload="metadata" onError={fail} />
      ) : (
        <img src={url} alt={`${label}, preview`} referrerPolicy="no-referrer" onError={fail} />
      )}
    </span>
  );
}
