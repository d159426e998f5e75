import type { ComponentProps } from "react";

import type { JobRowFragment } from "../gql";
import { isObject } from "../model/json";
import { promptOf } from "../model/prompt";
import { Picture } from "../ui/picture";
import { Status } from "../ui/status";

/** Shows a job's picture, or its status until it has one, and opens the job. */
export function JobButton({
  job,
  isSmall = false,
  children,
  ...attributes
}: Pick<ComponentProps<"button">, "aria-pressed" | "style" | "onClick" | "children"> & {
  readonly job: JobRowFragment | null;
  readonly isSmall?: boolean;
}) {
  const [asset] = job?.assets ?? [];
  const name = job ? nameOf(job) : "Job";
  return (
    <button
      type="button"
      className={isSmall ? "thumbnail" : "frame run-frame"}
      title={name}
      {...attributes}
    >
      {asset && <Picture asset={asset} alt={name} isSmall={isSmall} />}
      {!asset && (
        <span className="stack tight">
          {children}
          {job && <Status job={isSmall ? { ...job, queuePosition: null } : job} />}
          <span className="unseen">{name}</span>
        </span>
      )}
    </button>
  );
}

/** Seeds distinguish jobs with the same prompt. */
function nameOf(job: JobRowFragment): string {
  const seed = isObject(job.input) ? job.input["seed"] : undefined;
  const words = `${promptOf(job) || "Job"}, ${job.deployment.name}`;
  return typeof seed === "number" ? `${words}, seed ${seed}` : words;
}
