/** Why nothing can be run, and what its operator does about it. */
export const TOKEN_REFUSED =
  "RunComfy refuses this gateway's token, so nothing can be run. Set RUNCOMFY_API_TOKEN to the token of a RunComfy account and start the gateway again, or ask whoever runs it to do so.";
