import { useMemo } from "react";
import { useSearchParams } from "wouter";

import { FilterBar } from "../jobs/filter-bar";
import { type Filters, readFilters, toJobFilter, writeFilters } from "../jobs/filters";
import { ListedJobs } from "../jobs/listed-jobs";
import { useJobList } from "../jobs/use-job-list";
import { Search } from "../parts/search";
import { useTitle } from "../parts/use-title";
import { useViewer } from "../viewer";
import "./jobs.css";

/** Every job, newest first, as it changes. */
export function Jobs() {
  useTitle("Jobs");
  const viewer = useViewer();
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => readFilters(parameters), [parameters]);
  const filter = useMemo(() => toJobFilter(filters), [filters]);
  const list = useJobList("jobs", filter);
  const change = (changed: Partial<Filters>): void =>
    setParameters((before) => writeFilters(before, { ...readFilters(before), ...changed }), {
      replace: true,
    });

  return (
    <div className="jobs">
      <h1 className="unseen">Jobs</h1>
      <div className="above">
        <FilterBar
          filters={filters}
          hasOwners={viewer.isSignedIn && viewer.may("jobs:read:all")}
          onChange={change}
        />
        <Search value={filters.text} onChange={(text) => change({ text })} />
      </div>
      <ListedJobs
        key={JSON.stringify(list.filter)}
        list={list}
        isFiltered={Object.keys(filter).length > 0}
      />
    </div>
  );
}
