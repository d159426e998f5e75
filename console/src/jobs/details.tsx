import { Link } from "wouter";

import { Tags } from "../actions/labels";
import type { ToApproveQuery } from "../gql";
import { tellJobCost } from "../model/costs";
import { type Draft, insideOf } from "../model/draft";
import { type Field, toLabel } from "../model/fields";
import { toDraft } from "../model/input";
import { isObject, isText, type JsonObject } from "../model/json";
import { formatSeconds, KINDS, STATUS_WORDS } from "../model/words";
import { toSeenUpload } from "../session/use-given-file";
import { useViewer } from "../session/viewer";
import { Copy } from "../ui/copy";
import { Fact } from "../ui/fact";
import { Folded } from "../ui/folded";
import { FileLink, GivenFile } from "../ui/given-file";
import { Elapsed, Moment } from "../ui/time";
import type { FullJob } from "./use-job";

type Step = {
  readonly name: string;
  /** Null where it has not happened, or nobody saw it. */
  readonly at: string | null;
  readonly note?: string;
};

const TIME = new Intl.DateTimeFormat("en", { timeStyle: "medium" });

/** A job's history, with how long each step took. */
export function Timeline({ job }: { readonly job: FullJob }) {
  const steps = toSteps(job);
  const last = steps.findLastIndex(({ at }) => at !== null);
  return (
    <ol className="timeline">
      {steps.map(({ name, at, note }, index) => {
        const before = steps.slice(0, index).findLast((step) => step.at !== null)?.at;
        const isNext = index === last + 1 && !job.isFinished;
        return (
          <li key={name} className={at === null ? "to-come" : undefined}>
            <span>{name}</span>
            <span className="small">
              {at === null && note}
              {at !== null && (index === 0 ? <Moment at={at} /> : TIME.format(new Date(at)))}
            </span>
            <span className="hint">
              {at !== null && before != null && tookText(before, at)}
              {isNext && before != null && <Elapsed since={before}>…</Elapsed>}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function toSteps(job: FullJob): readonly Step[] {
  const { status, history, isFinished, assets } = job;
  const enteredAt = (wanted: FullJob["status"]) =>
    history.find((event) => event.status === wanted)?.at ?? null;
  const note = isFinished ? "not seen" : "to come";
  const wasHeld = enteredAt("HELD") !== null;
  const sent = { name: "Sent", at: job.sentAt, note: isFinished ? "never" : "to come" };
  if (wasHeld && isFinished && job.sentAt === null)
    return [
      { name: "Submitted", at: job.createdAt },
      sent,
      { name: STATUS_WORDS[status], at: job.finishedAt ?? enteredAt(status) },
    ];
  const started = { name: "Started", at: job.startedAt ?? enteredAt("IN_PROGRESS"), note };
  const ended = {
    name: isFinished ? STATUS_WORDS[status] : "Ended",
    at: isFinished ? (job.finishedAt ?? enteredAt(status)) : null,
    note: "to come",
  };
  const keeps = assets.map(({ keep }) => keep);
  const kept = keeps.filter((keep) => keep === "KEPT").length;
  const soFar = keeps.includes("PENDING") ? " so far" : "";
  const keptAll = {
    name: "Kept",
    // The last change of a job whose files are all kept was that the last of them was.
    at: kept > 0 && kept === keeps.length ? job.updatedAt : null,
    note: isFinished ? `${kept} of ${keeps.length}${soFar}` : "to come",
  };
  return [
    { name: "Submitted", at: job.createdAt },
    ...(wasHeld ? [sent] : []),
    { name: "Accepted", at: enteredAt("IN_QUEUE"), note },
    ...(status === "CANCELLED" ? [] : [started]),
    ended,
    ...(isFinished && keeps.length === 0 ? [] : [keptAll]),
  ];
}

function tookText(from: string, to: string): string {
  // Not all of them are by the same clock.
  const seconds = Math.max(0, (Date.parse(to) - Date.parse(from)) / 1_000);
  return seconds < 0.05 ? "at once" : `after ${formatSeconds(seconds)}`;
}

/** By what people find it, whose it is and what it cost. */
export function Facts({ job }: { readonly job: FullJob }) {
  const viewer = useViewer();
  return (
    <dl className="small">
      <Fact name="Job">
        <Id id={job.id} name="the job's id" />
      </Fact>
      <Fact name="At RunComfy">
        {job.requestId !== null ? (
          <Id id={job.requestId} name="RunComfy's id of it" />
        ) : job.sentAt === null ? (
          "not sent"
        ) : job.isFinished ? (
          "not known"
        ) : (
          "not accepted yet"
        )}
      </Fact>
      <Fact name="Kind">{KINDS[job.kind]}</Fact>
      <Fact name="Cost">
        {tellJobCost(job)}
        <div className="hint">{job.cost.reason}</div>
      </Fact>
      {(job.isStarred || job.tags.length > 0) && (
        <Fact name="Tags">
          <Tags job={job} screen="jobs" />
        </Fact>
      )}
      {job.ownerId !== viewer.id && (
        <Fact name="Owner">
          <Link href={`/jobs?owner=${encodeURIComponent(job.ownerId)}`}>{job.ownerId}</Link>
        </Fact>
      )}
    </dl>
  );
}

function Id({ id, name }: { readonly id: string; readonly name: string }) {
  return (
    <span className="row">
      <code className="cut grow">{id}</code>
      <Copy text={id} name={name} />
    </span>
  );
}

type Uploads = ToApproveQuery["jobsToApprove"][number]["uploads"];

/** What was sent, named and in order as in the form. */
export function Inputs({
  job,
  fields,
  uploads = [],
}: {
  readonly job: Pick<FullJob, "input">;
  readonly fields: readonly Field[];
  /** Those of somebody else, which can't be asked for. */
  readonly uploads?: Uploads;
}) {
  const input = isObject(job.input) ? job.input : {};
  if (Object.keys(input).length === 0) return <p className="hint">No inputs were sent.</p>;
  return <Members value={input} {...{ fields, uploads }} draft={toDraft(fields, input)} />;
}

type Given = {
  /** What fills in the form with the input, which says what is in a list or was chosen. */
  readonly draft: Draft;
  readonly uploads: Uploads;
};

function Members({
  value,
  fields,
  ...given
}: Given & { readonly value: JsonObject; readonly fields: readonly Field[] }) {
  const names = [...fields.map(({ name }) => name), ...Object.keys(value)];
  return (
    <dl className="small">
      {Object.entries(value)
        .toSorted(([one], [other]) => names.indexOf(one) - names.indexOf(other))
        .map(([name, member]) => {
          const field = fields.find((one) => one.name === name);
          const isDefault = JSON.stringify(field?.fallback) === JSON.stringify(member);
          return (
            <Fact
              key={name}
              name={field?.label ?? toLabel(name)}
              title={`${name}\n${field?.description ?? ""}`}
            >
              <Value value={member} {...{ field, ...given }} />{" "}
              {isDefault && <span className="hint">default</span>}
            </Fact>
          );
        })}
    </dl>
  );
}

function Value({
  value,
  field,
  ...given
}: Given & { readonly value: unknown; readonly field: Field | undefined }) {
  if (typeof value === "object" && value !== null) {
    const inside = field ? fieldsIn(field, given.draft) : [];
    if (Object.keys(value).length === 0) return <span className="hint">empty</span>;
    if (isObject(value)) return <Members value={value} fields={inside} {...given} />;
    return (
      <ol>
        {Object.values(value).map((item: unknown, index) => (
          // Nothing else distinguishes them, and they stay as they are.
          // oxlint-disable-next-line react/no-array-index-key
          <li key={index}>
            <Value value={item} field={inside[index]} {...given} />
          </li>
        ))}
      </ol>
    );
  }
  if (!isText(value)) return JSON.stringify(value);
  if (value === "") return <span className="hint">empty</span>;
  const upload = given.uploads.find(({ id }) => value === `upload:${id}`);
  if (upload !== undefined) return <FileLink file={toSeenUpload(upload)} />;
  if (value.startsWith("upload:")) return <GivenFile reference={value} />;
  if (!/^https?:\/\//.test(value)) return <Folded text={value} />;
  return (
    <a href={value} target="_blank" rel="noreferrer">
      {value}
    </a>
  );
}

/** The fields of what a value consists of. */
function fieldsIn(field: Field, draft: Draft): readonly Field[] {
  const inside = insideOf(field, draft);
  const [chosen] = inside;
  return field.widget.kind === "variants" && chosen ? fieldsIn(chosen, draft) : inside;
}
