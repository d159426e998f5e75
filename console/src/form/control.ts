import type { Field, Widget } from "./fields";

/** What every control of the form gets; `Kind` is the widget that it draws. */
export type ControlProps<Kind extends Widget["kind"]> = {
  readonly field: Field;
  readonly widget: Extract<Widget, { kind: Kind }>;
  readonly id: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Of the control that the label is for. */
  readonly described: {
    readonly "aria-describedby": string;
    readonly "aria-invalid": boolean;
    readonly "aria-required": boolean;
  };
};

/** A default as a placeholder shows it; empty where there is none. */
export function toPlaceholder({ fallback }: Field): string {
  if (fallback === undefined || fallback === null) return "";
  return typeof fallback === "string" ? fallback : JSON.stringify(fallback);
}
