/** Throws where a file may not have this name, which could lead out of its folder: it is for names that the gateway chose. */
export function checkFileName(name: string): void {
  if (/^[A-Za-z\d][\w.-]{0,127}$/.test(name)) return;
  throw new RangeError(
    `${JSON.stringify(name)} can't name a file. Use 1 to 128 letters, digits, "-", "_" and ".", beginning with a letter or digit.`,
  );
}
