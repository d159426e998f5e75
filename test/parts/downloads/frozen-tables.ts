export const MIGRATIONS = {
  downloads: ["d8ecedbf7d21daabe5acdbf9102709c098ea2fad0f059b36ceb4a20fbf3332b2"],
};
