/** How long a run of a deployment took, in seconds, and when it was submitted. */
export type Run = {
  readonly id: string;
  readonly at: string;
  readonly waited: number;
  readonly ran: number;
  readonly hasFailed: boolean;
};
