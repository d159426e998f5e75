// What each npm script runs first, in JavaScript that old versions of Node read, as they read nothing else here.
const { name, dependencies } = require("../package.json");
const wanted = Number.parseInt(dependencies.node, 10);

if (Number.parseInt(process.versions.node, 10) < wanted) {
  require("node:fs").writeSync(
    2,
    `${name} needs Node ${wanted}, and this is ${process.versions.node}. Run npm ci --ignore-scripts=false, which brings it, or install it from https://nodejs.org.\n`,
  );
  process.exit(1);
}

// npm passes a signal on to its shell alone, and a shell that stays between them, as dash does, dies of it without a word.
const shell = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === shell) return;
  clearInterval(watch);
  process.kill(process.pid, "SIGTERM");
}, 100).unref();
