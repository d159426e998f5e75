import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";

import type { Viewer } from "../viewer";
import { FilterBar } from "../jobs/filter-bar";
import { type Filters, readFilters, toJobFilter, writeFilters } from "../jobs/filters";
import { ListedJobs } from "../jobs/listed-jobs";
import { useJobList } from "../jobs/use-job-list";
import { Search } from "../parts/search";
import { useTitle } from "../parts/use-title";
import "./jobs.css";

/** Every job, newest first, as it changes. */
export function Jobs({ viewer }: { readonly viewer: Viewer }) {
  useTitle("Jobs");
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => readFilters(parameters), [parameters]);
  const filter = useMemo(() => toJobFilter(filters), [filters]);
  const list = useJobList("jobs", filter);
  const change = useCallback(
    (changed: Partial<Filters>) =>
      setParameters((before) => writeFilters(before, { ...readFilters(before), ...changed }), {
        replace: true,
      }),
    [setParameters],
  );

  return (
    <div className="jobs">
      <h1 className="unseen">Jobs</h1>
      <div className="above">
        <FilterBar
          filters={filters}
          hasOwners={viewer.isSignedIn && viewer.scopes.includes("jobs:read:all")}
          onChange={change}
        />
        <Search
          value={filters.text}
          onChange={useCallback((text: string) => change({ text }), [change])}
        />
      </div>
      <ListedJobs
        key={JSON.stringify(list.filter)}
        list={list}
        isFiltered={Object.keys(filter).length > 0}
        viewer={viewer}
      />
    </div>
  );
}
