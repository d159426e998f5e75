import { useState } from "react";

/** What went in over what came out, with a slider for where one ends. */
export function BeforeAfter({
  before,
  after,
  alt,
  ratio,
}: {
  readonly before: string;
  readonly after: string;
  readonly alt: string;
  readonly ratio: number;
}) {
  const [part, setPart] = useState(50);
  return (
    <>
      <div className="run-frame run-frame-full run-both" style={{ aspectRatio: ratio }}>
        <img src={after} alt={alt} />
        <img src={before} alt="What went in" style={{ clipPath: `inset(0 ${100 - part}% 0 0)` }} />
      </div>
      <label className="run-before">
        Before
        <input
          type="range"
          aria-label="How much of before is shown, in percent"
          value={part}
          onChange={({ target }) => setPart(Number(target.value))}
        />
        After
      </label>
    </>
  );
}
