/** After it the stock client comes back later. */
export const TRY_AGAIN_LATER = 1013;
