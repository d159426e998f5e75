/** The name of a kind of job, as rows and the deployments file have it; `runcomfy/kinds` says what holds of each. */
export type JobKind = string;
