/** Who the page is for, and what their credential allows. */
export type Viewer = {
  readonly id: string;
  readonly scopes: readonly string[];
  /** Not where the gateway lets everybody in. */
  readonly isSignedIn: boolean;
};
