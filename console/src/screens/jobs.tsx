import { useMemo } from "react";
import { useSearchParams } from "wouter";

import { FilterBar } from "../jobs/filter-bar";
import { type Filters, NO_FILTERS, readFilters, toJobFilter, writeFilters } from "../jobs/filters";
import { ListedJobs } from "../jobs/listed-jobs";
import { useJobList } from "../jobs/use-job-list";
import { useTitle } from "../parts/use-title";
import { useViewer } from "../viewer";
import "../jobs/jobs.css";

/** Every job, newest first, as it changes. */
export function Jobs() {
  useTitle("Jobs");
  const viewer = useViewer();
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => readFilters(parameters), [parameters]);
  const filter = useMemo(() => toJobFilter(filters), [filters]);
  const list = useJobList("jobs", filter);
  const hasOwners = viewer.isSignedIn && viewer.may("jobs:read:all");
  const change = (changed: Partial<Filters>): void =>
    setParameters((before) => writeFilters(before, { ...readFilters(before), ...changed }), {
      replace: true,
    });

  return (
    <div className="jobs">
      <h1 className="unseen">Jobs</h1>
      <FilterBar {...{ filters, hasOwners }} onChange={change} />
      <ListedJobs
        key={JSON.stringify(list.filter)}
        {...{ list, hasOwners }}
        onClear={Object.keys(filter).length > 0 ? () => change(NO_FILTERS) : null}
      />
    </div>
  );
}
