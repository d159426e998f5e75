/**
 * Measures what the longest turn of this thread's event loop takes of its CPU until the returned function is called,
 * which gives it in milliseconds.
 */
export function measureLongestTurn(): () => number {
  let longestMs = 0;
  let before = process.threadCpuUsage();
  let next = setImmediate(endTurn);

  function endTurn(): void {
    const { user, system } = process.threadCpuUsage(before);
    longestMs = Math.max(longestMs, (user + system) / 1_000);
    before = process.threadCpuUsage();
    next = setImmediate(endTurn);
  }

  return () => {
    clearImmediate(next);
    return longestMs;
  };
}
