/** What leaves a gateway by a part, which says so in `canary.ts` of its tests. */
export type Canary = {
  readonly environment: Readonly<Record<string, string>>;
  /** All of it, once the gateway has stopped. Fails where it is not what should have left. */
  read(): string;
};
