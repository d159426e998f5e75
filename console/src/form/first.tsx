import { JOBS } from "../queries";
import { Picture } from "../parts/picture";
import { promptOf } from "../parts/prompt";
import { useQuery } from "../session";
import { useViewer } from "../viewer";
import type { Field } from "./fields";

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
  const latest = (data?.jobs.edges ?? []).flatMap(({ node }) => {
    const [asset] = node.assets;
    return asset ? [{ job: node, asset }] : [];
  });
  const isEdit = fields.some(({ widget, isRequired }) => isRequired && widget.kind === "file");
  const hasPrompt = fields.some(({ name }) => name === "prompt");
  return (
    <div className="run-first">
      <div className="run-frame">
        <p>Your picture will appear here. Fill in the form, then press Run.</p>
        {hasPrompt && (
          <div className="run-examples" role="group" aria-label="Example prompts">
            {(isEdit ? EDITS : PROMPTS).map((prompt) => (
              <button key={prompt} type="button" onClick={() => onPrompt(prompt)}>
                {prompt}
              </button>
            ))}
          </div>
        )}
      </div>
      {latest.length > 0 && (
        <ul className="run-latest" aria-label="Latest pictures">
          {latest.map(({ job, asset }) => (
            <li key={job.id}>
              <button
                type="button"
                className="run-small"
                title={promptOf(job)}
                onClick={() => onShow(job.id)}
              >
                <Picture asset={asset} alt={promptOf(job) || job.deployment.name} isSmall />
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
