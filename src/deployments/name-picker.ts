/** Gives every name but the unwanted once: the first choice that is free, else the stem, with a number if need be. */
export function createNamePicker(
  separator = "",
  unwanted: readonly string[] = [],
): (choices: readonly string[], stem: string) => string {
  const taken = new Set(unwanted);
  // Where to go on counting: many equal stems must not count from the start again.
  const numbers = new Map<string, number>();
  return (choices, stem) => {
    let name = [...choices, stem].find((choice) => !taken.has(choice));
    for (let number = numbers.get(stem) ?? 2; name === undefined; number += 1) {
      const numbered = `${stem}${separator}${number}`;
      if (!taken.has(numbered)) name = numbered;
      numbers.set(stem, number + 1);
    }
    taken.add(name);
    return name;
  };
}
