/** Watches this thread's event loop until `end`, which tells how much of the thread's CPU its longest turn took, in ms. */
export function createTurnWatch() {
  let longestMs = 0;
  let last = process.threadCpuUsage();
  let isOver = false;

  function note(): void {
    const { user, system } = process.threadCpuUsage();
    longestMs = Math.max(longestMs, (user + system - last.user - last.system) / 1_000);
    last = { user, system };
  }

  function turn(): void {
    note();
    if (!isOver) setImmediate(turn);
  }

  setImmediate(turn);
  return {
    end(): number {
      isOver = true;
      // This turn, too.
      note();
      return longestMs;
    },
  };
}
