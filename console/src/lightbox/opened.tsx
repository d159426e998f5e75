import { useSearchParams } from "wouter";

import type { JobFilter } from "../gql";
import { later } from "../parts/later";
import { readOpened } from "./address";
import type { Shown } from "./pictures";

const Lightbox = later(async () => (await import("./lightbox")).Lightbox);

/** What one goes through where a screen has no list of its own. */
const ALL_THAT_CAN_BE_SEEN: JobFilter = { status: ["SUCCEEDED"] };
const NONE: readonly Shown[] = [];

/** The picture that the address names, over whatever screen it is. */
export function Opened({
  pictures = NONE,
  filter = ALL_THAT_CAN_BE_SEEN,
  isListed = true,
  onBroken,
  onDeleted,
}: {
  /** Those of the screen, in order. */
  readonly pictures?: readonly Shown[];
  /** Which others are before and after what is not among them. */
  readonly filter?: JobFilter;
  /** Whether `pictures` has come. */
  readonly isListed?: boolean;
  /** Asks for the addresses of a job's files anew. */
  readonly onBroken?: (jobId: string) => void;
  /** Hears of a job that was deleted here, once the lists have. */
  readonly onDeleted?: (jobId: string) => void;
}) {
  const [search] = useSearchParams();
  const { open, compared } = readOpened(search);
  if (open === null) return null;
  return <Lightbox {...{ open, compared, pictures, filter, isListed, onBroken, onDeleted }} />;
}
