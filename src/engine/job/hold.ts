/** Why a job is HELD; of several that apply, `toHold` shows the first. */
export type HoldReason =
  | "APPROVAL"
  | "BY_HAND"
  | "PAUSED"
  | "SCHEDULED"
  | "OUTAGE"
  | "LIMIT"
  | "TURN";

/** What keeps a HELD job from being sent. */
export type Hold = {
  readonly reason: HoldReason;
  /** Since when the job waits without having been held, released, approved or put back in between. */
  readonly since: Date;
  /** When the reason ends by itself; null where that is not known. */
  readonly until: Date | null;
  readonly priority: number;
};

/** How a job waits for its turn. */
export type QueueOptions = {
  /** From -100 to 100; among an owner's own jobs the highest is sent first. */
  readonly priority: number;
  /** It is not sent before then. */
  readonly sendAfter: Date | null;
  /** It ends unsent if it was not sent by then. */
  readonly sendBefore: Date | null;
  /** Whether it waits until it is released. */
  readonly hold: boolean;
};

export const MAX_PRIORITY = 100;

/** What is stored of how a job waits, and what the database says of it. */
export type HoldFacts = {
  readonly since: Date;
  readonly priority: number;
  readonly sendAfter: Date | null;
  readonly needsApproval: boolean;
  readonly isByHand: boolean;
  /** Whether its deployment is, or another upstream than its own is in use. */
  readonly isPaused: boolean;
  /** Whether its `sendAfter` is still to come. */
  readonly isEarly: boolean;
  /** When a job that was put back is tried again; null where it is not, or may be now. */
  readonly retryAt: Date | null;
  /** When the whole queue is tried again; null without an outage. */
  readonly outageUntil: Date | null;
  readonly isLimited: boolean;
  readonly limitedUntil: Date | null;
};

/** Why a job is HELD: of several reasons the first. `isOutage`: its gateway can't reach the upstream or its deployment. */
export function toHold(facts: HoldFacts, isOutage: boolean): Hold {
  const { since, priority, sendAfter, retryAt, outageUntil, limitedUntil } = facts;
  const reasons: readonly (readonly [HoldReason, boolean, Date | null])[] = [
    ["APPROVAL", facts.needsApproval, null],
    ["BY_HAND", facts.isByHand, null],
    ["PAUSED", facts.isPaused, null],
    ["SCHEDULED", facts.isEarly, sendAfter],
    ["OUTAGE", isOutage || outageUntil !== null || retryAt !== null, retryAt ?? outageUntil],
    ["LIMIT", facts.isLimited, limitedUntil],
    ["TURN", true, null],
  ];
  const [reason, , until] = reasons.find(([, applies]) => applies) ?? ["TURN", true, null];
  return { reason, since, until, priority };
}
