// What each npm script runs first, in JavaScript that old versions of Node read, as they read nothing else here.
const { existsSync, writeSync } = require("fs");
const { join } = require("path");
const { name, dependencies, engines } = require("../package.json");
const wanted = Number.parseInt(dependencies.node, 10);
const wantedByNpm = Number.parseInt(engines.node.slice(2), 10);
// What npm's own Node can't run is not installed, whichever Node runs this script.
const [, ofNpm] = /node\/v(\S+)/.exec(process.env.npm_config_user_agent || "") || [];

if (Number.parseInt(ofNpm, 10) < wantedByNpm)
  giveUp(
    `needs Node ${wantedByNpm} or newer, and npm runs on ${ofNpm}. Install a newer Node from https://nodejs.org, then run npm ci.`,
  );
if (!existsSync(join(__dirname, "../node_modules"))) giveUp("is not installed. Run npm ci first.");
if (Number.parseInt(process.versions.node, 10) < wanted)
  giveUp(
    `needs Node ${wanted}, and this is ${process.versions.node}. ${
      ofNpm
        ? "Run npm ci --ignore-scripts=false, which brings it, or install it from https://nodejs.org."
        : "Start it with npm start, which uses the Node that npm ci has brought; `npm run` lists the other commands."
    }`,
  );

// Beside the program, where only those can write who can change the program itself; a folder for temporary files is open to
// others. Where it can't be written, nothing is kept.
require("module").enableCompileCache(join(__dirname, "../.cache"));

// A script without `exec` has a shell between npm and itself, which dies of the signal that npm passes on to it alone. An npm
// that is killed passes on none.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  process.kill(process.pid, "SIGTERM");
}, 100).unref();

function giveUp(sentence) {
  writeSync(2, `${name} ${sentence}\n`);
  process.exit(1);
}
