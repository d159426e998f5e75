/** Who the page is for, and what their credential allows. */
export type Viewer = { readonly id: string; readonly scopes: readonly string[] };
