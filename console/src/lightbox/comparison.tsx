import { Fragment } from "react";

import { Tags } from "../actions/labels";
import { Toolbar } from "../actions/toolbar";
import { toLabel } from "../model/fields";
import { isObject, type JsonObject, toWords } from "../model/json";
import type { Shown } from "../model/pictures";
import { useFields } from "../session/use-fields";
import type { Opened } from "./use-opened";

/** In what two pictures were asked for differently, what marks each, and the way back to one of them. */
export function Comparison({
  opened,
  near,
  onKeep,
  onCompare,
  onDeleted,
}: {
  readonly opened: readonly Opened[];
  /** What each can be compared with instead. */
  readonly near: readonly Shown[];
  readonly onKeep: (picture: Shown) => void;
  readonly onCompare: (picture: Shown, other: Shown) => void;
  readonly onDeleted: (picture: Shown) => void;
}) {
  const pictures = opened.flatMap(({ picture }) => picture ?? []);
  const fields = useFields(pictures[0]?.job.deployment.id ?? "");
  const inputs = pictures.map(toValues);
  const names = [...new Set(inputs.flatMap(Object.keys))].filter(
    (name) => new Set(inputs.map((input) => toText(input[name]))).size > 1,
  );
  return (
    <>
      <div className="stack lightbox-facts">
        <h2>What differs</h2>
        {pictures.length > 1 && names.length === 0 && (
          <p className="hint">Both were asked for in the same words, with the same values.</p>
        )}
        <dl className="two">
          {names.map((name) => (
            <Fragment key={name}>
              <dt>{fields.find((field) => field.name === name)?.label ?? toLabel(name)}</dt>
              {inputs.map((input, index) => (
                <dd key={index} className="small" dir="auto">
                  <span className="unseen">{NAMES[index]}: </span>
                  {toText(input[name])}
                </dd>
              ))}
            </Fragment>
          ))}
        </dl>
      </div>
      <div className="two lightbox-actions">
        {pictures.map((picture, index) => (
          <section key={index} className="stack" aria-label={`The ${NAMES[index]}`}>
            <Tags job={picture.job} screen="gallery" />
            <div className="row">
              <button className="grow" onClick={() => onKeep(picture)}>
                Only the {NAMES[index]}
              </button>
              <Toolbar
                {...{ picture, near }}
                job={picture.job}
                isShort
                onCompare={(other) => onCompare(picture, other)}
                onDeleted={() => onDeleted(picture)}
              />
            </div>
          </section>
        ))}
      </div>
    </>
  );
}

const NAMES = ["first", "second"];

/** What a picture was asked for with, and of which deployment. */
function toValues({ job: { input, deployment } }: Shown): JsonObject {
  return { ...(isObject(input) ? input : {}), deployment: deployment.name };
}

function toText(value: unknown): string {
  return value === undefined ? "–" : toWords(value);
}
