/** Whether a file may have this name, which then can't lead out of its folder. */
export function isFileName(text: string): boolean {
  return /^[A-Za-z\d][\w.-]{0,127}$/.test(text);
}

/** Throws where a file may not have this name: whoever gave it is to choose names, not to pass on what others send. */
export function checkFileName(name: string): void {
  if (isFileName(name)) return;
  throw new RangeError(
    `${JSON.stringify(name)} can't name a file. Use 1 to 128 letters, digits, "-", "_" and ".", beginning with a letter or digit.`,
  );
}
