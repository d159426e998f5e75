/** A number that a gateway has of itself, read whenever somebody asks. What only grows has a name that ends with `_total`. */
export type Figure = { readonly name: string; readonly help: string } & (
  | { read(): number; readonly label?: never }
  /** A number for each value of the label. */
  | { read(): ReadonlyMap<string, number>; readonly label: string }
);
