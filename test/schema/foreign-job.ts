/** The job of another owner that every case of the isolation is about. */
export const FOREIGN_ID = "job_0123456789abcdef0123456789abcdef";

/** An upload of another owner, which that job names. */
export const FOREIGN_UPLOAD = "upl_0123456789abcdef0123456789abcdef";

/** A tag of both owners' jobs. */
export const SHARED_TAG = "shared";

/** A key under which another owner has submitted. */
export const FOREIGN_KEY = "a-key-that-both-have";

/** What not even an operator may read of that job. */
export const OWNERS_ALONE = "url-of-them";
