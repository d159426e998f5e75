import { useCall } from "../../session/use-call";
import { DOWNLOAD } from "./download-queries";

/** Downloads the files of jobs as one ZIP. */
export function DownloadButton({
  ids,
  onSaid,
}: {
  readonly ids: readonly string[];
  readonly onSaid: (said: string) => void;
}) {
  const { isBusy, problem, call } = useCall();

  async function download(): Promise<void> {
    if (isBusy) return;
    const given = await call(DOWNLOAD, { ids: [...ids] });
    if (given?.__typename !== "CreateDownloadSuccess") return;
    const { url, files } = given.download;
    onSaid(files === 0 ? "None of these files is kept here." : "");
    // As a download, so that the page stays where it is refused.
    if (files > 0) Object.assign(document.createElement("a"), { href: url, download: "" }).click();
  }

  return (
    <>
      <button aria-disabled={isBusy} onClick={() => void download()}>
        Download ZIP
      </button>
      {problem !== "" && <span role="alert">{problem}</span>}
    </>
  );
}
