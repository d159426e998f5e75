import type { Field } from "../model/fields";
import { JOBS } from "../session/queries";
import { useQuery } from "../session/session";
import { useViewer } from "../session/viewer";
import { JobButton } from "./job-button";

/** As many as there is room for. */
const LATEST = 8;
const SUCCEEDED = { filter: { status: ["SUCCEEDED" as const] }, first: LATEST };
const PROMPTS = [
  "A paper lantern on a wet street at night, shallow depth of field",
  "Portrait of an old sailor, soft window light, 85 mm",
  "A mountain hut in the first snow, watercolour",
];
const EDITS = [
  "Make it golden hour, with long warm shadows",
  "Turn it into a watercolour",
  "Let it snow",
];

/** What stands where a picture will: prompts to begin with, and what was made last. */
export function First({
  fields,
  onPrompt,
  onShow,
}: {
  readonly fields: readonly Field[];
  readonly onPrompt: (prompt: string) => void;
  readonly onShow: (id: string) => void;
}) {
  const { mayRead } = useViewer();
  const { data } = useQuery(JOBS, SUCCEEDED, mayRead);
  const latest = (data?.jobs.edges ?? []).filter(({ node }) => node.assets.length > 0);
  const isEdit = fields.some(({ widget, isRequired }) => isRequired && widget.kind === "file");
  const hasPrompt = fields.some(({ name }) => name === "prompt");
  return (
    <div className="stack">
      <div className="frame run-frame">
        <div className="stack run-words">
          <p>Your result will appear here. Fill in the form, then press Run.</p>
          {hasPrompt && (
            <div className="stack" role="group" aria-label="Example prompts">
              {(isEdit ? EDITS : PROMPTS).map((prompt) => (
                <button key={prompt} type="button" onClick={() => onPrompt(prompt)}>
                  {prompt}
                </button>
              ))}
            </div>
          )}
        </div>
      </div>
      <ul className="row" aria-label="Latest pictures">
        {latest.map(({ node: job }) => (
          <li key={job.id}>
            <JobButton job={job} isSmall onClick={() => onShow(job.id)} />
          </li>
        ))}
      </ul>
    </div>
  );
}
