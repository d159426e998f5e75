/** A number that a gateway has of itself, read whenever somebody asks. */
export type Figure = { readonly name: string; readonly help: string; read(): number };
