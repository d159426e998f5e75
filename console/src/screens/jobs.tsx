import { useMemo } from "react";
import { useSearchParams } from "wouter";

import type { Viewer } from "../viewer";
import { FilterBar } from "../jobs/filter-bar";
import { countFilters, readFilters, toJobFilter, writeFilters } from "../jobs/filters";
import { ListedJobs } from "../jobs/listed-jobs";
import { useJobList } from "../jobs/use-job-list";
import "./jobs.css";

/** Every job, newest first, as it changes. */
export function Jobs({ viewer }: { readonly viewer: Viewer }) {
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => readFilters(parameters), [parameters]);
  const list = useJobList(useMemo(() => toJobFilter(filters), [filters]));
  const words = parameters.get("search") ?? "";

  function search(text: string): void {
    const changed = new URLSearchParams(parameters);
    if (text === "") changed.delete("search");
    else changed.set("search", text);
    setParameters(changed, { replace: true });
  }

  return (
    <div className="jobs">
      <h1 className="unseen">Jobs</h1>
      <div className="above">
        <FilterBar
          filters={filters}
          hasOwners={viewer.id !== "local" && viewer.scopes.includes("jobs:read:all")}
          onChange={(changed) =>
            setParameters(writeFilters(parameters, changed), { replace: true })
          }
        />
        <label className="search">
          Search among the loaded
          <input
            type="search"
            placeholder="words of the prompt"
            value={words}
            onChange={({ target }) => search(target.value)}
          />
        </label>
      </div>
      <ListedJobs
        key={JSON.stringify(list.filter)}
        list={list}
        words={words}
        isFiltered={countFilters(filters) > 0}
        viewer={viewer}
      />
    </div>
  );
}
