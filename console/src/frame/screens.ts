/** The screens of the console itself, each with the letter that leads there, and what a credential must allow for it. */
export const SCREENS = [
  { letter: "r", path: "/run", name: "Run", need: null },
  { letter: "j", path: "/jobs", name: "Jobs", need: "mayRead" },
  { letter: "q", path: "/waiting", name: "Waiting here", need: "seesHeld" },
  { letter: "g", path: "/gallery", name: "Gallery", need: "mayRead" },
  { letter: "d", path: "/deployments", name: "Deployments", need: null },
] as const;
