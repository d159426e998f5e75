/** What all lists of jobs show, for documents of your own. */
export const JOB_FIELDS = /* GraphQL */ `
  fragment JobFields on Job {
    id
    ownerId
    version
    status
    tags
    isStarred
    queuePosition
    isCancellable
    isFinished
    isPaused
    createdAt
    startedAt
    finishedAt
    input
    error {
      code
      message
      retryable
    }
    deployment {
      id
      name
    }
    assets {
      url
      kind
      keptUrl
      thumbnailUrl
      width
      height
      expiresAt
    }
  }
`;
