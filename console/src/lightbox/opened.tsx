import { useSearchParams } from "wouter";

import type { JobFilter } from "../gql";
import type { Media } from "../model/filters";
import type { Shown } from "../model/pictures";
import { ALL_THAT_CAN_BE_SEEN } from "../session/use-around";
import { later } from "../ui/later";

const Lightbox = later(async () => (await import("./lightbox")).Lightbox);

const NONE: readonly Shown[] = [];

/** The picture that the address names, over whatever screen it is. */
export function Opened({
  pictures = NONE,
  filter = ALL_THAT_CAN_BE_SEEN.filter,
  media = ALL_THAT_CAN_BE_SEEN.media,
  onDeleted,
}: {
  /** Those of the screen, in order. */
  readonly pictures?: readonly Shown[];
  /** Which others are before and after what is not among them. */
  readonly filter?: JobFilter;
  /** Of which kinds those are; all where there are none. */
  readonly media?: Media;
  /** Called with a job that was deleted here, after the lists. */
  readonly onDeleted?: (jobId: string) => void;
}) {
  const [search] = useSearchParams();
  const open = search.get("open");
  if (open === null) return null;
  return (
    <Lightbox {...{ open, pictures, filter, media, onDeleted }} compared={search.get("with")} />
  );
}
