import { useState } from "react";

import { useParts } from "../session/part";
import { useViewer } from "../session/viewer";
import { later } from "../ui/later";

const AccountPanel = later(async () => (await import("./account-panel")).AccountPanel);

/** Who the page is for, and a menu of what there is beside the screens. */
export function AccountMenu() {
  const { id } = useViewer();
  const [isWanted, setWanted] = useState(false);
  const screens = useParts().flatMap(({ screen }) => screen ?? []);
  /** What needs attention, by the name of its screen. */
  const [news, setNews] = useState<ReadonlyMap<string, string>>(new Map());
  const notices = screens.flatMap(({ name }) =>
    news.get(name) ? [`${name}: ${news.get(name)}`] : [],
  );
  return (
    <>
      <button className="row frame-account" popoverTarget="account" aria-label={`Account: ${id}`}>
        <span className="frame-initial" data-initial={id.slice(0, 1).toUpperCase()} />
        <span className="cut">{id}</span>
        {notices.length > 0 && <span className="frame-dot issue" />}
      </button>
      <div
        id="account"
        role="group"
        popover="auto"
        aria-label="Account"
        onToggle={() => setWanted(true)}
      >
        {isWanted && <AccountPanel news={news} />}
      </div>
      {/* Announced also while the menu is closed. */}
      <span role="status" className="unseen">
        {notices.join(", ")}
      </span>
      {screens.map(
        ({ name, Watch }) =>
          Watch && (
            <Watch
              key={name}
              onNews={(words) => setNews((before) => new Map(before).set(name, words))}
            />
          ),
      )}
    </>
  );
}
