/** A log that keeps its lines and their levels. */
export function createRecordedLog() {
  const lines: { readonly level: string; readonly text: string }[] = [];
  const at =
    (level: string) =>
    (...words: readonly unknown[]) =>
      void lines.push({ level, text: JSON.stringify(words) });
  return {
    log: { info: at("info"), warn: at("warn"), error: at("error") },
    lines,
    of: (level: string) => lines.filter((line) => line.level === level).map(({ text }) => text),
  };
}
